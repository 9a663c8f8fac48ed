"""A hub that answers what no hub should: each answer ends in an error of ours."""

import logging
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lumina_cli.data.hub import client
from lumina_cli.data.hub.client import HubConfig
from lumina_cli.errors import HubError
from lumina_cli.recipes.data.fetch import Fetched, fetch

JSON = "Content-Type: application/json\r\n"


def answer(
    body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None
) -> bytes:
    num_bytes = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {num_bytes}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode("latin-1") + body


ANSWERS = {
    "no JSON": answer(b"not JSON", headers=JSON),
    "a list": answer(b"[1, 2]", headers=JSON),
    "a number": answer(b"7", headers=JSON),
    "null": answer(b"null", headers=JSON),
    "deep": answer(b"[" * 100_000, headers=JSON),
    "other types": answer(b'{"id": 3, "sha": {}, "siblings": 5, "cardData": []}', headers=JSON),
    "siblings": answer(b'{"id": "a/b", "sha": "x", "siblings": [1, null, {}]}', headers=JSON),
    "dates": answer(b'{"id": "a/b", "sha": "x", "lastModified": "then"}', headers=JSON),
    "a page": answer(b"<html>Log in</html>", headers="Content-Type: text/html\r\n"),
    "nothing": answer(b"", headers=JSON),
    "cut off": answer(b'{"id": "a/b"', headers=JSON, length=5000),
    "no gzip": answer(b"\x1f\x8bgarbage", headers=JSON + "Content-Encoding: gzip\r\n"),
    "not UTF-8": answer(b'{"id": "\xff\xfe"}', headers=JSON),
    "a file": answer(b"", status="302 Found", headers="Location: file:///etc/passwd\r\n"),
    "a loop": answer(b"", status="302 Found", headers="Location: /x\r\n"),
    "no place": answer(b"", status="302 Found", headers="Location: http://[\r\n"),
    "controls": answer(b"{}", status="404 \x9b2J", headers="X-Error-Message: \x9b31m\x85\r\n"),
    "range": answer(b"", status="416 Range"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status": b"HTTP/1.1 999999 X\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
}  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """Give a function that answers every request with the same bytes, and returns its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def begin(data: bytes) -> str:
        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    head = connection.recv(65536)
                    is_probe = head.startswith(b"HEAD / ")
                    connection.sendall(answer(b"") if is_probe else data)

        threading.Thread(target=loop, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize("name", ANSWERS)
def test_each_wrong_answer_is_an_error_of_the_hub(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    serve: Callable[[bytes], str],
    name: str,
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    config = HubConfig(endpoint=serve(ANSWERS[name]))
    with pytest.raises(HubError):
        list(fetch("some/thing", out=tmp_path / "out", hub_config=config))
    assert not set("\x9b\x85\x1b") & set("".join(capfd.readouterr()))
    assert not (tmp_path / "out").exists()


def test_what_the_libraries_log_and_warn_reaches_no_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    serve: Callable[[bytes], str],
) -> None:
    def load(*_: object, **__: object) -> client.HubDataset:
        warnings.warn("\x9b2J from the hub", UserWarning, stacklevel=1)
        for name in ("huggingface_hub.file_download", "datasets.load", "httpx"):
            logging.getLogger(name).warning("\x9b2J from %s", name)
        return client.HubDataset({"train": [{"text": "a"}]}, revision="abc", licence="")

    monkeypatch.setattr(client, "_load_online", load)
    body = b'{"id": "some/thing", "sha": "abc", "siblings": []}'
    told = "X-HF-Warning: topic; \x9b2J\r\nX-Deprecated: \x9b\r\n"
    config = HubConfig(endpoint=serve(answer(body, headers=JSON + told)))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        *_, last = fetch("some/thing", out=tmp_path / "out", hub_config=config)
    assert isinstance(last, Fetched)
    assert capfd.readouterr() == ("", "")
