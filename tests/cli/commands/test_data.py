"""`lumina data` as a person types it: what comes on which stream, and the exit code."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Lumina
from tests.unit.data.reading import SHARED, message, needs_shared_data, write_rows

SOURCE = Path(__file__).resolve().parents[3] / "src"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_check_shows_a_page_on_stdout(lumina: Lumina, tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a"), message("b", None, lang="de")]
    write_rows(tmp_path / "x.jsonl", rows)
    done = lumina("data", "check", "x.jsonl", "--seq-length", "8", "--batch-size", "2")
    assert done.code == 0, done.err
    assert "x.jsonl: 3 rows (oasst rows)" in done.out
    assert "1 (messages: user 1, bot 1)" in done.out
    assert "x.jsonl:3" in done.out
    assert "User: text a" in done.out
    assert "1 step of 2" in done.out


def test_check_shows_a_space_that_is_rare(lumina: Lumina, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("aaaa bbbb", encoding="utf-8")
    assert "Rare characters  1 (spelled in bytes): ␣\n" in lumina("data", "check", "x.txt").out


def test_check_calls_no_share_of_the_text_nothing(lumina: Lumina, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a" * 5_000 + "д" * 2, encoding="utf-8")
    assert "Latin 100.0%, Cyrillic under 0.1%" in lumina("data", "check", "x.txt").out


def test_rows_with_keys_of_their_own_can_be_read_as_the_hint_says(
    lumina: Lumina, tmp_path: Path
) -> None:
    row = {"task": "say hello", "solution": "hello"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    done = lumina("data", "check", "x.jsonl")
    assert done.code == 65
    assert "--columns question=KEY,answer=KEY" in done.err.splitlines()[-1]
    columns = "question=task,answer=solution"
    assert lumina("data", "check", "x.jsonl", "--columns", columns).code == 0


def test_check_counts_one_as_one(lumina: Lumina, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("abcdef", encoding="utf-8")
    shown = " ".join(lumina("data", "check", "x.txt").out.split())
    assert "x.txt: 1 row (text)" in shown
    assert "1 window of 512 characters in each epoch, 1 step of 16 windows" in shown


def test_check_tells_how_subwords_would_suit(lumina: Lumina, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "x.txt").write_text("the cat and the hat. " * 100, encoding="utf-8")
    done = lumina("data", "check", "x.txt", "--tokenizer", "bpe", "--vocab-size", "300")
    assert "ids stands in the text" in done.err
    assert "0.0% of the text in bytes" in " ".join(done.out.split())
    found = json.loads(lumina("data", "check", "x.txt", "--tokenizer", "bpe", "--json").out)
    assert found["cutting"]["num_in_bytes"] == 0


def test_check_as_json_is_one_object(lumina: Lumina, tmp_path: Path) -> None:
    rows = [{"user": "hi", "bot": "hello"}] * 30 + [{"user": 5, "bot": "x"}]
    write_rows(tmp_path / "x.jsonl", rows)
    done = lumina("data", "check", "x.jsonl", "--json")
    found = json.loads(done.out)
    assert done.code == 0
    assert found["conversations"] == 30
    assert found["messages"] == {"user": 30, "bot": 30}
    assert found["characters"] == 30 * 7
    assert found["distinct_characters"] == 5
    assert found["duplicates"] == 29
    assert found["skipped"] == [
        {
            "reason": "its user is a number, not text",
            "count": 1,
            "first": "x.jsonl:31",
            "example": "",
        }
    ]
    assert found["trains"] is True


def test_check_tells_of_settings_that_change_nothing(lumina: Lumina, tmp_path: Path) -> None:
    path = tmp_path / "verse.txt"
    path.write_text("A bright cold day.\n" * 9)
    done = lumina("data", "check", str(path), "--bot", "Ben", "--gap", "3h")
    assert [line for line in done.err.splitlines() if "no effect" in line] == [
        f"{name} has no effect where there are no chats between people (from --{name})"
        for name in ("bot", "gap")
    ]


def test_check_shows_what_it_refuses_and_why(lumina: Lumina, tmp_path: Path) -> None:
    write_rows(tmp_path / "x.jsonl", [{"user": "hi", "bot": "hello"}, {"odd": 1}])
    done = lumina("data", "check", "x.jsonl")
    assert done.code == 65
    assert "User: hi" in done.out
    assert "x.jsonl:2: its keys are those of no known format" in " ".join(done.err.split())
    assert lumina("data", "check", "x.jsonl", "--allow-skips").code == 0


def test_check_measures_the_time_of_a_model(
    lumina: Lumina, tmp_path: Path, letters_model: Path
) -> None:
    (tmp_path / "x.txt").write_text("some words " * 2000, encoding="utf-8")
    words = ("data", "check", "x.txt", "-m", str(letters_model), "--seq-length", "96")
    found = json.loads(lumina(*words, "--json").out)
    assert found["epoch_s"] > 0
    assert found["steps_per_epoch"] == 13  # 22,002 ids, nine tenths, in windows of 96, by 16
    assert "an epoch with this model, by a few trial steps" in lumina(*words).out
    assert json.loads(lumina(*words[:3], "--json").out)["epoch_s"] is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["data", "check", "gone.txt"], 66),
        (["data", "check", "latin.txt"], 65),
        (["data", "check", "empty.txt"], 66),
        (["data", "check", "good.txt", "--oasst-paths", "some"], 2),
        (["data", "check", "good.txt", "--encoding", "rot13"], 2),
        (["data", "check"], 2),
        (["data", "fetch", "nonsense"], 2),
        (["data", "fetch", "oasst1", "--endpoint", "http://127.0.0.1:9"], 69),
        (["data", "fetch", "oasst1", "--from", "gone"], 66),
        (["data", "fetch", "oasst1", "--from", "good.txt"], 65),
    ],
)
def test_what_is_wrong_is_two_lines_and_an_exit_code(
    lumina: Lumina, tmp_path: Path, words: list[str], code: int
) -> None:
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "good.txt").write_bytes(b"hello")
    done = lumina(*words)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    if code != 2:
        assert done.err.startswith("error: ")
        assert len(done.err.splitlines()) <= 2


def test_text_cannot_command_the_terminal(lumina: Lumina, tmp_path: Path) -> None:
    name = "[red]\x1b[31mx.txt" if os.name == "posix" else "[red]x.txt"
    text = "\x1b]0;evil\x07 \u202e [bold]not bold[/bold] \x9b31m \ud7ff"
    (tmp_path / name).write_text(text, encoding="utf-8")
    for options in ([], ["--json"]):
        done = lumina("data", "check", name, *options)
        assert done.code == 0, done.err
        assert not set("\x1b\x07\x9b\u202e") & set(done.out)
    assert "[bold]not bold[/bold]" in lumina("data", "check", name).out


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX")
@pytest.mark.skipif(sys.platform == "darwin", reason="this file system takes Unicode names only")
def test_a_name_that_is_no_unicode_is_shown(lumina: Lumina, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_bytes(b"hello")
    for options in ([], ["--json"]):
        done = lumina("data", "check", ".", *options)
        assert done.code == 0, done.err


def test_fetch_writes_says_so_and_says_that_it_is_there(lumina: Lumina, tmp_path: Path) -> None:
    write_rows(tmp_path / "x.jsonl", [message("a", None), message("ab", "a")])
    done = lumina("data", "fetch", "oasst1", "--from", "x.jsonl", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"] == {"train": 2}
    assert "oasst1_data is ready" in done.err
    assert "the hub's had 84,437" in done.err
    done = lumina("data", "fetch", "oasst1")
    assert done.code == 0
    assert "is there already" in done.err
    assert done.out == ""
    known = json.loads(lumina("data", "list", "--json").out)["data_sets"]
    assert {each["name"]: each["rows"] for each in known} == {
        "oasst1": {"train": 2},
        "starter": None,
    }
    assert "2 rows" in lumina("data", "list").out


@needs_shared_data
def test_every_shared_file_passes_through_check(lumina: Lumina, tmp_path: Path) -> None:
    codes = {}
    files = sorted(path for path in SHARED.rglob("*") if path.is_file())
    for path in files:
        if "chatterbot/" in path.as_posix():
            continue
        done = lumina("data", "check", str(path), "--json", "--oasst-lang", "all")
        assert "Traceback" not in done.err
        codes[path.relative_to(SHARED).as_posix()] = done.code
    refused = {name for name, code in codes.items() if code}
    assert refused == {
        "code/HumanEval.jsonl",
        "code/HumanEval.jsonl.gz",
        "lang/german-verwandlung-pg22367-latin1-crlf.txt",
        "oasst/oasst1_multilang_assistant_only.jsonl",
    }


# --- a hub on this machine -----------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as the library asks for: one data set of a few parquet files."""

    repo = "some/thing"
    files: dict[str, bytes] = {}  # noqa: RUF012  set by the fixture
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if path.startswith(f"/datasets/{self.repo}/resolve/"):
            name = path.split("/", 6)[6]
            self._answer(self.files.get(name), etag=f'"{len(name)}"')
        elif path in (f"/api/datasets/{self.repo}", f"/api/datasets/{self.repo}/revision/main") or (
            path == f"/api/datasets/{self.repo}/revision/{COMMIT}"
        ):
            siblings = [{"rfilename": name} for name in self.files]
            info = {"id": self.repo, "sha": COMMIT, "siblings": siblings, "private": False}
            card = {"cardData": {"license": "cc-by-4.0"}, "tags": [], "downloads": 0}
            self._answer(json.dumps(info | card).encode())
        elif path.startswith(f"/api/datasets/{self.repo}/tree/"):
            folder = path.split("/", 6)[6].partition("/")[2]
            self._answer(json.dumps(self._tree(folder)).encode())
        else:
            self._answer(None if path != "/" else b"hub")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(self.path)
        wanted = json.loads(body).get("paths", []) if body.startswith("{") else []
        self._answer(
            json.dumps([each for each in self._tree("") if each["path"] in wanted]).encode()
        )

    def _tree(self, folder: str) -> list[dict[str, Any]]:
        entries = [
            {"type": "file", "path": name, "size": len(data), "oid": f"{len(data):040x}"}
            for name, data in self.files.items()
            if name.startswith(folder)
        ]
        return [*entries, {"type": "directory", "path": "data", "oid": "0" * 40, "size": 0}]

    def _answer(self, data: bytes | None, *, etag: str = '"x"') -> None:
        self.send_response(200 if data is not None else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", etag)
        if data is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {
        "train": [{"prompt": "a", "response": "b"}] * 3,
        "test": [{"prompt": "c", "response": "d"}],
    }
    for part, values in rows.items():
        path = tmp_path / f"{part}.parquet"
        pq.write_table(pa.Table.from_pylist(values), path)
        _Hub.files[f"data/{part}-00000-of-00001.parquet"] = path.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_data_set_comes_from_the_hub_by_the_library(tmp_path: Path, hub: str) -> None:
    words = ["data", "fetch", "some/thing", "--out", "out", "--json"]
    done = in_its_own_process([*words, "--endpoint", hub], cwd=tmp_path)
    assert done.returncode == 0, done.stderr + str(_Hub.asked)
    manifest = json.loads(done.stdout)
    assert manifest["revision"] == COMMIT
    assert manifest["licence"] == "cc-by-4.0"
    assert manifest["rows"] == {"train": 3}
    assert (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8") == (
        '{"prompt": "a", "response": "b"}\n' * 3
    )
    # what the library has in its cache is there without a network, too
    again = in_its_own_process([*words, "--force", "--offline"], cwd=tmp_path, HF_ENDPOINT=hub)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["rows"] == {"train": 3}


def in_its_own_process(
    words: list[str], *, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line anew: the hub's library reads its variables when first imported."""
    code = "from lumina_cli.cli.app import main; main()"
    own = {"PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1", "HF_HOME": str(cwd / "home")}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env=os.environ | own | variables,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_check_tells_of_a_variable_that_is_no_setting(
    lumina: Lumina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a line of text\n" * 20, encoding="utf-8")
    monkeypatch.setenv("LUMINA_BATCHSIZE", "4")
    done = lumina("data", "check", str(path))
    assert done.code == 0
    assert "LUMINA_BATCHSIZE is not a setting and has no effect" in done.err


def test_an_interrupted_fetch_says_how_to_go_on(
    lumina: Lumina, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lumina_cli.data.hub.client.load", interrupted)
    done = lumina("data", "fetch", "oasst1")
    assert done.code == 130
    assert "run it again to go on" in " ".join(done.err.split())
