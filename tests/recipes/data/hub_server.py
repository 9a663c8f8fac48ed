"""A hub on this machine with one small data set, whose answers a test may spoil."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

REPO = "some/thing"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

Answer = Callable[[socket.socket], None]


def whole(
    body: bytes = b"", *, status: str = "200 OK", headers: str = "", length: int | None = None
) -> bytes:
    """Return an answer as it goes over the wire; `length` where it is not the true one."""
    num_bytes = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {num_bytes}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode("latin-1") + body


@dataclass
class Hub:
    """The files it has, what it lists of them, and the answers that are not as they should be.

    `spoilt` maps the beginning of a request (`GET /api`, `HEAD /datasets`) to what is sent.
    """

    files: dict[str, bytes]
    endpoint: str = ""
    listed_sizes: dict[str, int] = field(default_factory=dict)
    spoilt: dict[str, Answer | bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer_everything(self, spoilt: Answer | bytes) -> None:
        """Answer each request alike but the first one, which asks whether a hub is there."""
        self.spoilt = {"HEAD / ": whole(), "": spoilt}

    def answer(self, request: str, connection: socket.socket) -> None:
        """Send what a request gets."""
        self.asked.append(request)
        for begins, spoilt in self.spoilt.items():
            if request.startswith(begins):
                if callable(spoilt):
                    spoilt(connection)
                else:
                    connection.sendall(spoilt)
                return
        connection.sendall(self._usual(request))

    def _usual(self, request: str) -> bytes:
        method, _, target = request.partition(" ")
        path = unquote(urlsplit(target).path)
        if path == "/":
            return whole()
        if path.startswith(f"/api/datasets/{REPO}/tree/"):
            return self._json([*map(self._entry, self.files), *map(_folder, self._folders())])
        if path.startswith(f"/api/datasets/{REPO}"):
            siblings = [self._sibling(name) for name in self.files]
            return self._json({"id": REPO, "sha": COMMIT, "siblings": siblings})
        _, found, name = path.partition(f"/datasets/{REPO}/resolve/{COMMIT}/")
        if found and name in self.files:
            body = self.files[name]
            headers = f'ETag: "{_sha1(body)}"\r\nX-Repo-Commit: {COMMIT}\r\n'
            return whole(body if method == "GET" else b"", headers=headers, length=len(body))
        return whole(status="404 Not Found", headers="X-Error-Code: EntryNotFound\r\n")

    def _sibling(self, name: str) -> dict[str, object]:
        body = self.files[name]
        size = self.listed_sizes.get(name, len(body))
        return {"rfilename": name, "size": size, "blobId": _sha1(body)}

    def _entry(self, name: str) -> dict[str, object]:
        body = self.files[name]
        return {"type": "file", "path": name, "size": len(body), "oid": _sha1(body)}

    def _folders(self) -> set[str]:
        parents = {str(each) for name in self.files for each in PurePosixPath(name).parents}
        return parents - {"."}

    @staticmethod
    def _json(value: object) -> bytes:
        body = json.dumps(value).encode()
        return whole(body, headers="Content-Type: application/json\r\n")


def _folder(path: str) -> dict[str, object]:
    return {"type": "directory", "path": path, "size": 0, "oid": _sha1(path.encode())}


def _sha1(body: bytes) -> str:
    """Return the name of a file's content, as git gives it."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """Give a hub that answers each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    hub = Hub(files, endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                head = connection.recv(65536)
                if head:
                    hub.answer(head.decode("latin-1").partition(" HTTP/")[0], connection)
            except OSError:  # it was given up
                return

    def loop() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield hub
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def use_hub(hub: Hub, *, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the libraries ask this hub alone, and keep what they download in a folder of the test.

    They read the environment when they are first imported, which another test may have done.
    """
    from huggingface_hub import constants

    template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", hub.endpoint)
    datasets_url = f"{hub.endpoint}/datasets/{{repo_id}}/resolve/{{revision}}/{{path}}"
    monkeypatch.setattr("datasets.config.HUB_DATASETS_URL", datasets_url)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(folder / "datasets"))
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(folder / "lumina"))
    at_once = SimpleNamespace(sleep=lambda _: None, time=time.time)
    for module in ("file_download", "utils._http"):  # they wait between their tries
        monkeypatch.setattr(f"huggingface_hub.{module}.time", at_once)
