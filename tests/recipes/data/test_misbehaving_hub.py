"""A hub that answers what no hub should: each answer ends in an error of ours."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumina_cli.data.hub import client
from lumina_cli.data.hub.client import HubConfig
from lumina_cli.errors import HubError
from lumina_cli.recipes.data.fetch import Fetched, fetch
from tests.recipes.data.hub_server import Hub, serving, whole

JSON = "Content-Type: application/json\r\n"


ANSWERS = {
    "no JSON": whole(b"not JSON", headers=JSON),
    "a list": whole(b"[1, 2]", headers=JSON),
    "a number": whole(b"7", headers=JSON),
    "null": whole(b"null", headers=JSON),
    "deep": whole(b"[" * 100_000, headers=JSON),
    "other types": whole(b'{"id": 3, "sha": {}, "siblings": 5, "cardData": []}', headers=JSON),
    "siblings": whole(b'{"id": "a/b", "sha": "x", "siblings": [1, null, {}]}', headers=JSON),
    "dates": whole(b'{"id": "a/b", "sha": "x", "lastModified": "then"}', headers=JSON),
    "a page": whole(b"<html>Log in</html>", headers="Content-Type: text/html\r\n"),
    "nothing": whole(b"", headers=JSON),
    "cut off": whole(b'{"id": "a/b"', headers=JSON, length=5000),
    "no gzip": whole(b"\x1f\x8bgarbage", headers=JSON + "Content-Encoding: gzip\r\n"),
    "not UTF-8": whole(b'{"id": "\xff\xfe"}', headers=JSON),
    "a file": whole(b"", status="302 Found", headers="Location: file:///etc/passwd\r\n"),
    "a loop": whole(b"", status="302 Found", headers="Location: /x\r\n"),
    "no place": whole(b"", status="302 Found", headers="Location: http://[\r\n"),
    "controls": whole(b"{}", status="404 \x9b2J", headers="X-Error-Message: \x9b31m\x85\r\n"),
    "range": whole(b"", status="416 Range"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status": b"HTTP/1.1 999999 X\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
}  # fmt: skip


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving({}) as hub:
        yield hub


@pytest.mark.parametrize("name", ANSWERS)
def test_each_wrong_answer_is_an_error_of_the_hub(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    hub: Hub,
    name: str,
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    hub.answer_everything(ANSWERS[name])
    config = HubConfig(endpoint=hub.endpoint)
    with pytest.raises(HubError):
        list(fetch("some/thing", out=tmp_path / "out", hub_config=config))
    assert not set("\x9b\x85\x1b") & set("".join(capfd.readouterr()))
    assert not (tmp_path / "out").exists()


def test_what_the_libraries_log_and_warn_reaches_no_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    hub: Hub,
) -> None:
    def load(*_: object, **__: object) -> client.HubDataset:
        warnings.warn("\x9b2J from the hub", UserWarning, stacklevel=1)
        for name in ("huggingface_hub.file_download", "datasets.load", "httpx"):
            logging.getLogger(name).warning("\x9b2J from %s", name)
        return client.HubDataset({"train": [{"text": "a"}]}, revision="abc", licence="")

    monkeypatch.setattr(client, "_load_online", load)
    body = b'{"id": "some/thing", "sha": "abc", "siblings": []}'
    told = "X-HF-Warning: topic; \x9b2J\r\nX-Deprecated: \x9b\r\n"
    hub.answer_everything(whole(body, headers=JSON + told))
    config = HubConfig(endpoint=hub.endpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        *_, last = fetch("some/thing", out=tmp_path / "out", hub_config=config)
    assert isinstance(last, Fetched)
    assert capfd.readouterr() == ("", "")
