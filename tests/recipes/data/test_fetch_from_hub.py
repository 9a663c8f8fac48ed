"""A data set fetched from a hub on this machine, as it should be and with each answer spoilt."""

import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lumina_cli.data.hub.client import HubConfig
from lumina_cli.data.hub.watching.deadlines import Deadlines
from lumina_cli.errors import DataError, HubError, StorageError, UsageError
from lumina_cli.recipes.data.fetch import Fetched, Stage, fetch
from tests.recipes.data.hub_server import COMMIT, REPO, Hub, serving, use_hub, whole

TRAIN = b"".join(b'{"text": "line %d"}\n' % number for number in range(2000))
VALIDATION = b'{"text": "one"}\n{"text": "two"}\n'
FILE = f"GET /datasets/{REPO}/resolve/{COMMIT}/"
QUICK = Deadlines(
    answer_s=0.5, silence_s=0.5, slow_s=0.5, min_bytes_per_s=1_000, search_s=5.0, wait_s=1.0
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving({"train.jsonl": TRAIN, "validation.jsonl": VALIDATION}) as hub:
        use_hub(hub, folder=tmp_path / "cache", monkeypatch=monkeypatch)
        yield hub


def fetched(hub: Hub, out: Path, *, deadlines: Deadlines = Deadlines(), **options: Any) -> Fetched:  # noqa: B008
    """Fetch to the end."""
    config = HubConfig(endpoint=hub.endpoint, deadlines=deadlines, **options)
    *_, last = fetch(REPO, out=out, hub_config=config)
    assert isinstance(last, Fetched)
    return last


def drip(begin: bytes, chunk: bytes) -> Callable[[socket.socket], None]:
    """Send a beginning, and then a piece every 50 ms, without end."""

    def send(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(chunk)
            time.sleep(0.05)

    return send


def stall(begin: bytes) -> Callable[[socket.socket], None]:
    """Send a beginning, and then nothing until the other side goes away."""

    def send(connection: socket.socket) -> None:
        connection.sendall(begin)
        connection.settimeout(30)
        while connection.recv(1024):
            pass

    return send


def pour(begin: bytes) -> Callable[[socket.socket], None]:
    """Send a beginning, and then zeros without end."""

    def send(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(bytes(1 << 16))

    return send


OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LISTING = f"GET /api/datasets/{REPO}/tree"
INFO = f"GET /api/datasets/{REPO}/revision"

GIVEN_UP = {
    "a body a byte at a time": (FILE, drip(OPEN, b"{")),
    "a listing a byte at a time": (LISTING, drip(OPEN, b"[")),
    "a head a byte at a time": (INFO, drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")),
    "heads without end": (INFO, drip(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n")),
    "silence": (INFO, stall(b"")),
    "silence in a head": (FILE, stall(b"HTTP/1.1 200 OK\r\n")),
    "silence in a body": (FILE, stall(OPEN + b"{}")),
    "a body without end": (FILE, pour(CHUNKED[:-2] + b"\r\n" + b"fffffff\r\n")),
    "a listing without end": (LISTING, pour(OPEN)),
    "a redirect with a body without end": (
        FILE,
        pour(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 999999999\r\n\r\n"),
    ),
    "wait for ever": (FILE, whole(status="429 Too Many", headers="Retry-After: 999999999\r\n")),
    "wait until the limit ends": (
        INFO,
        whole(status="429 Too Many", headers='RateLimit: "api";r=0;t=99999\r\n'),
    ),
    "packed though nobody asked": (INFO, whole(b"x", headers="Content-Encoding: gzip\r\n")),
}  # fmt: skip
WRONG = {
    "an error": (FILE + "train", whole(status="500 Oops")),
    "a body cut off": (FILE + "train", whole(TRAIN[:100], length=len(TRAIN))),
    "another size": (FILE + "train", whole(TRAIN[:100])),
    "another content": (FILE + "train", whole(TRAIN.replace(b"7", b"8"))),
    "a page": (FILE + "train", whole(b"<html>" + bytes(len(TRAIN) - 6))),
    "a loop": (
        FILE + "train",
        whole(status="302 Found", headers=f"Location: {FILE[4:]}train.jsonl\r\n"),
    ),
}  # fmt: skip


def test_pages_without_end_are_given_up(hub: Hub, tmp_path: Path) -> None:
    page = f"{hub.endpoint}/api/datasets/{REPO}/tree/{COMMIT}?page=1"
    link = f'Content-Type: application/json\r\nLink: <{page}>; rel="next"\r\n'
    hub.spoilt[LISTING] = whole(b"[]", headers=link)
    with pytest.raises(HubError, match="within 1 s which files"):
        fetched(hub, tmp_path / "out", deadlines=Deadlines(search_s=1.0))


def test_the_files_of_a_data_set_become_its_parts(hub: Hub, tmp_path: Path) -> None:
    result = fetched(hub, tmp_path / "out")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == TRAIN
    assert (tmp_path / "out" / "validation.jsonl").read_bytes() == VALIDATION
    assert result.manifest["revision"] == COMMIT


def test_the_lines_of_a_text_are_its_rows(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"train.txt": "Ä\r\n\n".encode() + b"x" * 300_000 + b"\nend"}
    fetched(hub, tmp_path / "out")
    lines = (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    assert texts[:2] == ["Ä", ""]
    assert "".join(texts[2:]) == "x" * 300_000 + "end"


def test_the_hubs_own_copy_as_parquet_is_taken(hub: Hub, tmp_path: Path) -> None:
    table = io.BytesIO()
    pq.write_table(pa.table({"text": ["one", "two"]}), table)
    hub.files = {"default/train/0000.parquet": table.getvalue()}
    fetched(hub, tmp_path / "out", revision="refs/convert/parquet")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == VALIDATION


@pytest.mark.parametrize("name", ["train.arrow", "train.zip", "train.jsonl.zip", "train.tar"])
def test_what_the_library_would_unpack_is_refused_before_it_is_downloaded(
    hub: Hub, tmp_path: Path, name: str
) -> None:
    hub.files = {name: b"PK\x03\x04" + bytes(100)}
    with pytest.raises(HubError, match="does not read"):
        fetched(hub, tmp_path / "out")
    assert not [asked for asked in hub.asked if asked.startswith(FILE + "train")]


def test_a_card_that_means_a_billion_values_is_refused(hub: Hub, tmp_path: Path) -> None:
    names = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    hub.files["README.md"] = f"---\na0: &a0 x\n{names}license: *a9\n---\n".encode()
    with pytest.raises(HubError, match=r"README\.md of some/thing means more"):
        fetched(hub, tmp_path / "out")


def test_a_card_that_comes_only_when_it_is_asked_for_again_is_refused(
    hub: Hub, tmp_path: Path
) -> None:
    card = b"---\nlicense: mit\n---\n"

    def second(connection: socket.socket) -> None:
        del hub.spoilt[f"HEAD /datasets/{REPO}/resolve/{COMMIT}/README"]
        hub.files["README.md"] = card
        connection.sendall(whole(status="404 Not Found", headers="X-Error-Code: EntryNotFound\r\n"))

    hub.spoilt[f"HEAD /datasets/{REPO}/resolve/{COMMIT}/README"] = second
    with pytest.raises(HubError, match="did not send before"):
        fetched(hub, tmp_path / "out")


def test_a_file_that_is_read_in_the_search_is_bounded(hub: Hub, tmp_path: Path) -> None:
    hub.files["README.md"] = bytes(1 << 24)
    hub.listed_sizes["README.md"] = 5
    with pytest.raises(HubError, match="longer than"):
        fetched(hub, tmp_path / "out")


def test_a_folder_here_is_not_read_for_a_data_set_of_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(REPO).mkdir(parents=True)
    for offline in (False, True):
        with pytest.raises(UsageError, match="is a folder here"):
            fetched(hub, tmp_path / "out", offline=offline)
    assert hub.asked == []


def test_what_was_downloaded_is_found_again_offline(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    fetched(hub, tmp_path / "out")
    hub.asked.clear()
    fetched(hub, tmp_path / "again", offline=True)
    assert (tmp_path / "again" / "train.jsonl").read_bytes() == TRAIN
    assert hub.asked == []


@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_hub_that_keeps_one_waiting_is_given_up(hub: Hub, tmp_path: Path, name: str) -> None:
    begins, answer = GIVEN_UP[name]
    hub.spoilt[begins] = answer
    with pytest.raises(HubError, match=r"given up|can't be reached|gave no|not whole") as refusal:
        fetched(hub, tmp_path / "out", deadlines=QUICK)
    assert refusal.value.hint
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("name", ["silence in a body", "a body without end", *WRONG])
def test_after_a_wrong_answer_a_fetch_from_a_sound_hub_is_whole(
    hub: Hub, tmp_path: Path, name: str
) -> None:
    begins, answer = (GIVEN_UP | WRONG)[name]
    hub.spoilt[begins] = answer
    with pytest.raises((HubError, DataError)) as refusal:
        fetched(hub, tmp_path / "out", deadlines=QUICK)
    assert refusal.value.hint
    assert not list(tmp_path.glob("*out*"))
    hub.spoilt.clear()
    fetched(hub, tmp_path / "out")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == TRAIN


def test_a_whole_file_is_not_downloaded_twice(hub: Hub, tmp_path: Path) -> None:
    hub.spoilt[FILE + "train"] = whole(status="500 Oops")
    with pytest.raises(HubError):
        fetched(hub, tmp_path / "out")
    hub.spoilt.clear()
    already = [asked for asked in hub.asked if asked.startswith(FILE + "validation")]
    fetched(hub, tmp_path / "out")
    again = [asked for asked in hub.asked if asked.startswith(FILE + "validation")]
    assert again == already or len(already) == 0


def test_a_file_that_was_damaged_in_the_cache_is_downloaded_anew(hub: Hub, tmp_path: Path) -> None:
    fetched(hub, tmp_path / "out")
    for path in (tmp_path / "cache" / "hub").rglob("blobs/*"):
        path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    fetched(hub, tmp_path / "again")
    assert (tmp_path / "again" / "train.jsonl").read_bytes() == TRAIN


def test_a_listing_that_asks_for_more_room_than_there_is_is_refused_before(
    hub: Hub, tmp_path: Path
) -> None:
    hub.listed_sizes["train.jsonl"] = 1 << 60
    with pytest.raises(StorageError, match="are free"):
        fetched(hub, tmp_path / "out")
    assert not [asked for asked in hub.asked if asked.startswith(FILE + "train")]


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "file:///etc/passwd", "hf://datasets/else/where/a.jsonl", "../x.jsonl"]
)
def test_a_card_that_names_data_elsewhere_is_refused(hub: Hub, tmp_path: Path, place: str) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"text": "mine"}\n')
    named = str(secret) if place.startswith("/") else place
    card = f"---\nconfigs:\n- config_name: default\n  data_files: {json.dumps(named)}\n---\n"
    hub.files["README.md"] = card.encode()
    with pytest.raises((HubError, DataError)):
        fetched(hub, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_how_far_a_download_is_is_told_in_bytes(hub: Hub, tmp_path: Path) -> None:
    def slowly(connection: socket.socket) -> None:
        answer = whole(TRAIN)
        for begin in range(0, len(answer), 4000):
            connection.sendall(answer[begin : begin + 4000])
            time.sleep(0.03)

    hub.spoilt[FILE + "train"] = slowly
    config = HubConfig(endpoint=hub.endpoint)
    stages = [
        event
        for event in fetch(REPO, out=tmp_path / "out", hub_config=config)
        if isinstance(event, Stage) and event.unit == "bytes" and event.total
    ]
    done = [stage.done for stage in stages]
    assert done == sorted(done)
    assert any(0 < each < len(TRAIN) for each in done)
    assert {stage.total for stage in stages} == {len(TRAIN) + len(VALIDATION)}
