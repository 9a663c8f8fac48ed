"""Data sets fetched from local copies, from the package, and from a hub that is not there."""

import gzip
import hashlib
import json
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.hub import client
from lumina_cli.data.hub.client import HubConfig
from lumina_cli.data.hub.watching.deadlines import Deadlines
from lumina_cli.data.hub.watching.watch import Transfer
from lumina_cli.data.oasst.columns import OASST_COLUMNS
from lumina_cli.data.starter import corpus as starter
from lumina_cli.errors import (
    DataError,
    HubError,
    LuminaError,
    MissingInputError,
    OutputError,
    StorageError,
    UsageError,
)
from lumina_cli.recipes.data.fetch import Fetched, fetch
from tests.unit.data.reading import SHARED, message, needs_shared_data, said, write_rows

OASST1 = SHARED / "oasst" / "oasst1_en_messages.jsonl"


def fetched(name: str = "oasst1", **options: Any) -> Fetched:
    """Fetch to the end."""
    *_, last = fetch(name, **options)
    assert isinstance(last, Fetched)
    return last


def gives(loaded: client.HubDataset) -> Generator[Transfer, None, client.HubDataset]:
    """Stand in for `load`: the data set is there at once."""
    yield Transfer("asking the hub")
    return loaded


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def documents_of(*paths: Path, **settings: Any) -> list[Document]:
    return list(Documents(paths, config=DataConfig(**settings)))


def as_hub_folder(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the layout of the hub: two shards to train on, one for validation."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True)
    third = len(rows) // 3
    names = ("train-00000-of-00002-abc", "train-00001-of-00002-def", "validation-00000-of-00001-x")
    schema = pa.Table.from_pylist(rows).schema
    for name, begin in zip(names, (0, third, 2 * third), strict=True):
        end = len(rows) if begin == 2 * third else begin + third
        table = pa.Table.from_pylist(rows[begin:end], schema=schema)
        pq.write_table(table, folder / "data" / f"{name}.parquet")
    (folder / "README.md").write_text("about", encoding="utf-8")
    return folder


@needs_shared_data
def test_a_folder_in_the_layout_of_the_hub_gives_the_rows_as_on_the_hub(tmp_path: Path) -> None:
    rows = rows_of(OASST1)
    result = fetched(out=tmp_path / "out", local_copy=as_hub_folder(tmp_path / "copy", rows))
    third = len(rows) // 3
    assert rows_of(tmp_path / "out" / "train.jsonl") == rows[: 2 * third]
    assert rows_of(tmp_path / "out" / "validation.jsonl") == rows[2 * third :]
    assert list(rows_of(tmp_path / "out" / "train.jsonl")[0]) == list(OASST_COLUMNS)
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))
    assert manifest == result.manifest
    assert manifest["licence"] == "Apache-2.0"
    assert manifest["rows"] == {"train": 2 * third, "validation": len(rows) - 2 * third}
    assert manifest["roles"] == Counter(row["role"] for row in rows)
    assert manifest["languages"] == {"en": len(rows)}
    for name, file in manifest["files"].items():
        data = (tmp_path / "out" / name).read_bytes()
        assert file == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@needs_shared_data
@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet", "json"])
def test_one_file_of_messages_reads_the_same_fetched_or_not(tmp_path: Path, kind: str) -> None:
    local_copy = tmp_path / f"messages.{kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows_of(OASST1)), local_copy)
    elif kind == "jsonl.gz":
        local_copy.write_bytes(gzip.compress(OASST1.read_bytes()))
    elif kind == "json":
        local_copy.write_text(json.dumps(rows_of(OASST1), indent=1), encoding="utf-8")
    else:
        shutil.copy(OASST1, local_copy)
    result = fetched(out=tmp_path / "out", local_copy=local_copy)
    assert rows_of(tmp_path / "out" / "train.jsonl") == rows_of(OASST1)
    assert documents_of(tmp_path / "out") == documents_of(OASST1) == documents_of(local_copy)
    assert "train has 968 rows here; the hub's had 84,437" in result.issues


@needs_shared_data
def test_the_official_trees_become_rows_of_the_hub(tmp_path: Path) -> None:
    trees = SHARED / "oasst" / "oasst2_multilang_trees.jsonl"
    fetched(out=tmp_path / "out", local_copy=trees)
    rows = rows_of(tmp_path / "out" / "train.jsonl")
    expected = rows_of(SHARED / "oasst" / "oasst2_multilang_messages.jsonl")
    assert Counter(row["message_id"] for row in rows) == Counter(
        row["message_id"] for row in expected
    )
    assert all(list(row) == list(OASST_COLUMNS) for row in rows)
    first = next(row for row in rows if row["emojis"])
    assert set(first["emojis"]) == {"name", "count"}
    assert len(first["labels"]["name"]) == len(first["labels"]["value"])
    assert all(row["message_tree_id"] and row["tree_state"] for row in rows)
    fetched_documents = documents_of(tmp_path / "out", oasst_lang="all", oasst_paths="all")
    assert fetched_documents == documents_of(trees, oasst_lang="all", oasst_paths="all")


def test_a_second_fetch_sees_that_all_is_there(tmp_path: Path) -> None:
    local_copy = write_rows(tmp_path / "x.jsonl", [message("a", None), message("ab", "a")])
    out = tmp_path / "out"
    assert not fetched(out=out, local_copy=local_copy).was_there
    again = fetched(out=out, local_copy=tmp_path / "gone")
    assert again.was_there
    assert again.manifest["rows"] == {"train": 2}
    assert not fetched(out=out, local_copy=local_copy, force=True).was_there


def test_a_file_that_was_changed_is_told_and_force_mends_it(tmp_path: Path) -> None:
    local_copy = write_rows(tmp_path / "x.jsonl", [message("a", None), message("ab", "a")])
    out = tmp_path / "out"
    fetched(out=out, local_copy=local_copy)
    with (out / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match="SHA-256 differs") as refusal:
        fetched(out=out, local_copy=local_copy)
    assert "--force" in refusal.value.hint
    (out / "train.jsonl").unlink()
    with pytest.raises(DataError, match="is missing"):
        fetched(out=out, local_copy=local_copy)
    fetched(out=out, local_copy=local_copy, force=True)
    assert len(rows_of(out / "train.jsonl")) == 2


def test_an_interrupted_fetch_leaves_nothing(tmp_path: Path) -> None:
    rows = [message(f"m{index}", None) for index in range(5000)]
    local_copy = write_rows(tmp_path / "x.jsonl", rows)
    out = tmp_path / "place" / "out"
    events = fetch("oasst1", out=out, local_copy=local_copy)
    for event in events:
        if getattr(event, "done", 0) >= 2000:
            break
    with pytest.raises(KeyboardInterrupt):
        events.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert list((tmp_path / "place").iterdir()) == []


def test_an_interrupted_renewal_leaves_what_was_there(tmp_path: Path) -> None:
    rows = [message(f"m{index}", None) for index in range(3000)]
    local_copy = write_rows(tmp_path / "x.jsonl", rows)
    out = tmp_path / "place" / "out"
    before = fetched(out=out, local_copy=local_copy)
    events = fetch("oasst1", out=out, local_copy=local_copy, force=True)
    assert next(event for event in events if getattr(event, "done", 0))
    events.close()  # type: ignore[attr-defined]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert fetched(out=out, local_copy=local_copy).manifest == before.manifest


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path, force: bool) -> None:
    local_copy = write_rows(tmp_path / "x.jsonl", [message("a", None)])
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="with other files in it"):
        fetched(out=out, local_copy=local_copy, force=force)
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    local_copy = write_rows(tmp_path / "x.jsonl", [message("a", None)])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="can't be created"):
        fetched(out=tmp_path / "file" / "out", local_copy=local_copy)


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    local_copy = write_rows(tmp_path / "x.jsonl", [message("a", None)])
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        fetched(out=tmp_path / "place" / "out", local_copy=local_copy)
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ("", MissingInputError, "holds no rows"),
        ("just some text\n", DataError, "not rows"),
        ('{"question": "a"}\n', DataError, "no known format"),
    ],
)
def test_a_local_copy_without_known_rows_is_refused(
    tmp_path: Path, content: str, kind: type[LuminaError], text: str
) -> None:
    local_copy = tmp_path / ("x.jsonl" if not content else "x.txt")
    local_copy.write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=text):
        fetched(out=tmp_path / "out", local_copy=local_copy)
    assert not (tmp_path / "out").exists()


def test_a_missing_local_copy_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        fetched(out=tmp_path / "out", local_copy=tmp_path / "gone")


@pytest.mark.parametrize("name", ["nonsense", "../up", "a/b/c", "/etc"])
def test_a_name_of_no_data_set_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        fetched(name, out=tmp_path / "out")


def test_the_starter_corpus_is_written_out_and_reads_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations = starter.conversations()[:2000]
    monkeypatch.setattr(starter, "conversations", lambda: conversations)
    fetched("starter", out=tmp_path / "out")
    assert documents_of(tmp_path / "out") == conversations


def test_another_data_set_is_taken_by_its_columns(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "completion": "b", "score": 1.5}, {"text": "plain"}]
    local_copy = write_rows(tmp_path / "x.jsonl", rows)
    result = fetched("someone/something", out=tmp_path / "out", local_copy=local_copy)
    assert rows_of(tmp_path / "out" / "train.jsonl") == [
        {"prompt": "a", "completion": "b"},
        {"text": "plain"},
    ]
    assert result.issues == ()


TALK = [{"content": "Hi there", "role": "user"}, {"content": "Hello", "role": "assistant"}]
ASKED = [("user", "Hi there"), ("bot", "Hello")]


@pytest.mark.parametrize(
    ("row", "expected", "told"),
    [
        (  # databricks-dolly-15k
            {"instruction": "Hi there", "context": "", "response": "Hello", "category": "open_qa"},
            ASKED,
            0,
        ),
        (  # alpaca
            {"instruction": "Hi", "input": "there", "output": "Hello", "text": "Below is a task."},
            [("user", "Hi\n\nthere"), ("bot", "Hello")],
            1,
        ),
        (  # ShareGPT
            {
                "id": "QWJhYvA_0",
                "conversations": [
                    {"from": "human", "value": "Hi there"},
                    {"from": "gpt", "value": "Hello"},
                ],
            },
            ASKED,
            0,
        ),
        ({"prompt": "Hi there", "prompt_id": "f0e37e9f", "messages": TALK}, ASKED, 0),  # ultrachat
        (
            {"prompt": "Hi there", "messages": TALK, "category": "Open QA"},  # no_robots
            ASKED,
            0,
        ),
        (  # hh-rlhf
            {
                "chosen": "\n\nHuman: Hi there\n\nAssistant: Hello",
                "rejected": "\n\nHuman: Hi there\n\nAssistant: No",
            },
            ASKED,
            1,
        ),
        (  # OpenOrca
            {
                "id": "flan.1",
                "system_prompt": "Be kind.",
                "question": "Hi there",
                "response": "Hello",
            },
            [("system", "Be kind."), *ASKED],
            0,
        ),
        ({"conversations": ["Hi there", "Hello"], "source": "wikihow"}, ASKED, 1),  # lima
        ({"text": "### Human: Hi there### Assistant: Hello"}, ASKED, 0),  # guanaco
    ],
    ids=str,
)
def test_well_known_sets_are_taken_by_their_columns(
    tmp_path: Path, row: dict[str, Any], expected: list[tuple[str, str]], told: int
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "train.parquet")
    result = fetched("an/other", out=tmp_path / "out", local_copy=tmp_path / "train.parquet")
    assert [said(document) for document in documents_of(tmp_path / "out")] == [expected] * 2
    assert len(result.issues) == told


def test_stories_are_taken_as_documents(tmp_path: Path) -> None:
    local_copy = write_rows(tmp_path / "x.jsonl", [{"text": "One day, a girl."}])
    fetched("an/other", out=tmp_path / "out", local_copy=local_copy)
    assert documents_of(tmp_path / "out") == [PlainText("One day, a girl.")]


def test_of_several_forms_of_a_set_the_whole_conversations_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lumina_cli.data.hub import client as hub

    names = ("train_sft", "test_sft", "train_gen", "test_gen")
    loaded = hub.HubDataset({name: [{"text": name}] for name in names}, revision="", licence="")
    monkeypatch.setattr("lumina_cli.data.hub.client.load", lambda *_, **__: gives(loaded))
    result = fetched("an/other", out=tmp_path / "out")
    assert documents_of(tmp_path / "out") == [PlainText("train_sft")]
    assert "train_gen: another form of the same data is not taken" in result.issues


# --- the hub -------------------------------------------------------------------------


def test_a_hub_that_refuses_is_told_at_once_with_the_two_ways_on(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every call is refused
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(HubError, match="can't be reached") as refusal:
            fetched(out=tmp_path / "out", hub_config=HubConfig(endpoint=endpoint))
    assert "--from PATH" in refusal.value.hint
    assert "starter" in refusal.value.hint
    assert not (tmp_path / "out").exists()


def test_a_hub_that_is_silent_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = HubConfig(endpoint=endpoint, deadlines=Deadlines(probe_s=0.2))
        with pytest.raises(HubError, match="can't be reached"):
            fetched(out=tmp_path / "out", hub_config=config)


def test_hub_and_name_server_have_less_than_five_seconds_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_s: list[float | None] = []
    waited_s: list[float | None] = []

    def urlopen(_: object, *, timeout: float | None = None) -> None:
        asked_s.append(timeout)
        raise TimeoutError("timed out")

    class Answered:
        def wait(self, timeout: float | None = None) -> bool:
            waited_s.append(timeout)
            return False

        def set(self) -> None:
            pass

    monkeypatch.setattr(client.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(client.threading, "Event", Answered)
    monkeypatch.setattr(client.threading, "Thread", AtOnce)
    with pytest.raises(HubError, match="can't be reached"):
        fetched(out=tmp_path / "out")
    assert asked_s == waited_s == [Deadlines().probe_s]
    assert 0 < Deadlines().probe_s < 5


class AtOnce:
    """A thread that does its work when it is started."""

    def __init__(self, *, target: Callable[[], None], daemon: bool) -> None:
        assert daemon, "else the program would wait for a silent name server at its end"
        self.start = target


@pytest.mark.parametrize(
    "endpoint",
    ["file:///etc/passwd", "http://", "http://x:port", "http://x:99999", "http://x:0",
     "http://a b", "http://x/\n", "http://[::1", "http://x\x9b", "https:/x", "\ud800"],
)  # fmt: skip
def test_an_endpoint_that_is_no_address_is_a_usage_error(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(UsageError, match="endpoint"):
        fetched(out=tmp_path / "out", hub_config=HubConfig(endpoint=endpoint))


class _FakeHub(BaseHTTPRequestHandler):
    """Answers every question with the status and headers of the test."""

    status = 404
    headers_sent: dict[str, str] = {}  # noqa: RUF012  set by each test

    def do_GET(self) -> None:
        self.send_response(self.status if self.path != "/" else 200)
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"{}")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fake_hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "text"),
    [
        (404, {"X-Error-Code": "RepoNotFound"}, "has no data set"),
        (401, {"X-Error-Code": "RepoNotFound"}, "has no data set"),
        (403, {"X-Error-Code": "GatedRepo"}, "accept its terms"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "no such revision"),
        (500, {}, "gave no"),
    ],
)
def test_each_refusal_of_the_hub_has_its_own_words(
    tmp_path: Path,
    fake_hub: str,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: dict[str, str],
    text: str,
) -> None:
    monkeypatch.setattr(_FakeHub, "status", status)
    monkeypatch.setattr(_FakeHub, "headers_sent", headers)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with pytest.raises(HubError, match=text):
        fetched("some/thing", out=tmp_path / "out", hub_config=HubConfig(endpoint=fake_hub))
    assert not (tmp_path / "out").exists()


def never_called(*_: object, **__: object) -> None:
    raise AssertionError("offline, no hub is asked")


def test_offline_without_a_cache_is_told_with_the_two_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "home")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(client, "_probe", never_called)
    with pytest.raises(HubError, match="offline") as refusal:
        fetched(out=tmp_path / "out", hub_config=HubConfig(offline=True))
    assert "--from PATH" in refusal.value.hint


@needs_shared_data
def test_what_the_library_loads_is_written_as_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    from lumina_cli.data.hub import client as hub

    rows = rows_of(OASST1)
    local_copy = as_hub_folder(tmp_path / "copy", rows)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    parts = dict(datasets.load_dataset(str(local_copy), cache_dir=str(tmp_path / "cache")))
    loaded = hub.HubDataset(parts, revision="abc123", licence="apache-2.0")
    monkeypatch.setattr("lumina_cli.data.hub.client.load", lambda *_, **__: gives(loaded))
    result = fetched(out=tmp_path / "out")
    third = len(rows) // 3
    assert rows_of(tmp_path / "out" / "train.jsonl") == rows[: 2 * third]
    assert rows_of(tmp_path / "out" / "validation.jsonl") == rows[2 * third :]
    assert result.manifest["revision"] == "abc123"
