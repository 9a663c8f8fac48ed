"""A reading that was interrupted goes on, and ends as if nothing had happened."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import chunks, progress
from lumina_cli.data.corpus.builder import untold
from lumina_cli.data.corpus.cache import read_guarded, write_description
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.data.corpus.dataset import TokenDatasetWriter
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.data.corpus.progress import Progress
from lumina_cli.data.readers import plain_text
from lumina_cli.data.readers.json import lines
from lumina_cli.io.folders import owned_folder
from lumina_cli.io.folders.cache_folder import PROGRESS
from lumina_cli.io.folders.owned_folder import MARKER
from lumina_cli.recipes.data.sources import open_source

pytestmark = pytest.mark.skipif(not owned_folder.HAS_LOCKS, reason="it needs locks of files")

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "naïve",
    "Straße",
    "Ω",
    "ж",
    "😀",
]


@pytest.fixture(autouse=True)
def let_parts_be_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few thousand characters take many parts."""
    patch_sizes(monkeypatch)


def patch_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PART_BYTES", 600)
    monkeypatch.setattr(progress, "_TIMES_AS_LONG", 0)
    monkeypatch.setattr(chunks, "BATCH_CHARS", 200)
    monkeypatch.setattr(lines, "CHUNK_CHARS", 100)
    monkeypatch.setattr(lines, "CHUNKS_A_CHECKPOINT", 2)
    monkeypatch.setattr(plain_text, "CHUNK_CHARS", 100)
    monkeypatch.setattr(plain_text, "CHUNKS_A_CHECKPOINT", 2)


def prose(seed: int, *, num_lines: int = 40) -> str:
    words = [WORDS[(seed + 7 * n + n * n // 3) % len(WORDS)] for n in range(8 * num_lines)]
    rows = (" ".join(words[8 * n : 8 * n + 8]) for n in range(num_lines))
    return "".join(f"{number}: {row}.\n" for number, row in enumerate(rows))


def pairs(seed: int, *, num_rows: int = 40) -> str:
    rows = prose(seed, num_lines=num_rows).splitlines()
    found = [{"user": f"{seed} {row}", "bot": row[::-1]} for row in rows]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    return text[: len(text) // 2] + '"damaged\n' + text[len(text) // 2 :]


def oasst(seed: int) -> str:
    rows = []
    for number, text in enumerate(prose(seed, num_lines=30).splitlines()):
        tree = f"{seed}-{number}"
        beside = {"lang": "en", "rank": None}
        rows.append({"message_id": tree, "parent_id": None, "role": "prompter", **beside})
        rows.append({"message_id": f"{tree}-1", "parent_id": tree, "role": "assistant", **beside})
        for row in rows[-2:]:
            row["text"] = text
    return "".join(json.dumps(row) + "\n" for row in rows)


def book() -> str:
    begin = "*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n"
    end = "*** END OF THIS PROJECT GUTENBERG EBOOK X ***\nlicence\n"
    return "Header\n" + begin + prose(3) + end + "<b>bold</b> <i>words</i>\n" * 9 + prose(5)


KINDS: dict[str, Callable[[Path], dict[str, str]]] = {
    "a text": lambda at: write(at / "a.txt", prose(1, num_lines=90)),
    "a text in UTF-16": lambda at: write(at / "a.txt", prose(1), encoding="utf-16"),
    "line ends of Windows": lambda at: write(at / "a.txt", prose(1).replace("\n", "\r\n")),
    "a book": lambda at: write(at / "a.txt", book()) | {"strip": "gutenberg,html"},
    "rows": lambda at: write(at / "a.jsonl", pairs(1, num_rows=90)),
    "a byte order mark": lambda at: write(at / "a.jsonl", pairs(1), encoding="utf-8-sig"),
    "files": lambda at: (
        {
            key: value
            for number in range(6)
            for key, value in write(at / f"{number}.jsonl", pairs(number, num_rows=9)).items()
        }
        | write(at / "b.txt", prose(8))
        | write(at / "c.txt", "")
        | write(at / "d.csv", "question,answer\nhi,yo\n" * 40)
    ),
    "trees": lambda at: write(at / "a.jsonl", oasst(1)) | write(at / "b.jsonl", oasst(2)),
    "a packed text": lambda at: packed(at / "a.txt.gz", prose(1)),
    "a chat": lambda at: (
        write(
            at / "a.txt",
            "".join(f"23.01.21, 21:{n:02} - {'AB'[n % 2]}: number {n}\n" for n in range(60)),
        )
        | {"bot": ["A"]}
    ),
}


def write(path: Path, text: str, *, encoding: str = "utf-8") -> dict[str, str]:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return {"encoding": encoding} if encoding == "utf-16" else {}


def packed(path: Path, text: str) -> dict[str, str]:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return {}


def load(
    data: Path, folder: Path, *, tell: Callable[[str], None] = untold, **config: object
) -> Corpus:
    read = DataConfig(min_char_count=1, allow_skips=True, **config)  # type: ignore[arg-type]
    source = open_source([data], config=read)
    beside = data.with_name("validation.jsonl")
    validation = open_source([beside], config=read).read if beside.exists() else None
    return load_corpus(
        source.read,
        fingerprint=source.fingerprint,
        config=read,
        seed=0,
        folder=folder,
        read_validation=validation,
        issues=source.issues,
        schemas=source.schemas,
        tell=tell,
    )


def entry(folder: Path) -> dict[str, bytes]:
    """Return the files of the only entry but its marker, which has a random name in it."""
    (found,) = [path for path in folder.iterdir() if not path.name.startswith("removed-")]
    return {path.name: path.read_bytes() for path in found.iterdir() if path.name != MARKER}


@contextmanager
def interrupted_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Interrupt one of the writings of anything; the list holds those that were begun."""
    begun: list[str] = []

    def counted(method: Callable[..., object]) -> Callable[..., object]:
        def do(*args: object, **more: object) -> object:
            begun.append(method.__name__)
            if len(begun) == number:
                raise KeyboardInterrupt
            return method(*args, **more)

        return do

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        for owner, name in (
            (DocumentFile, "write"),
            (TokenDatasetWriter, "write"),
            (Progress, "save"),
            (Progress, "clear"),
        ):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield begun


def go_on_everywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, kind: str, most: int
) -> set[str]:
    """Interrupt a reading at so many places and go on; return what went on."""
    data, config = folder / "data", KINDS[kind](folder / "data")
    with interrupted_at(0, monkeypatch) as writings:
        load(data, folder / "whole", **config)
    expected, went_on = entry(folder / "whole"), set()
    for number in range(1, len(writings) + 1, max(1, len(writings) // most)):
        cache = folder / f"{number}"
        with interrupted_at(number, monkeypatch):
            load(data, cache, **config)
        told: list[str] = []
        corpus = load(data, cache, tell=told.append, **config)
        assert entry(cache) == expected
        assert told[0].startswith("going on with") == bool(corpus.went_on)
        went_on.add(corpus.went_on.partition(" ")[0])
    return went_on - {""}


IN_PARTS = sorted(KINDS.keys() - {"trees", "a packed text", "a chat"})
"""What is read in parts; of the others all is read again, unless all was."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_wherever_a_reading_is_interrupted_it_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    went_on = go_on_everywhere(tmp_path, monkeypatch, kind=kind, most=1000)
    assert went_on == ({"reading", "encoding"} if kind in IN_PARTS else {"encoding"})


@pytest.mark.parametrize("kind", ["a book", "rows", "trees"])
def test_an_interrupted_reading_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "rows":
        write(tmp_path / "validation.jsonl", pairs(7))
    assert go_on_everywhere(tmp_path, monkeypatch, kind=kind, most=3)


def interrupt(data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, *, at: float) -> Path:
    """Interrupt a reading where such a share of it is done; return the folder that it leaves."""
    with interrupted_at(0, monkeypatch) as writings:
        load(data, cache.with_name("counted"))
    shutil.rmtree(cache.with_name("counted"))
    with interrupted_at(int(at * len(writings)), monkeypatch):
        load(data, cache)
    (left,) = cache.iterdir()
    assert (left / PROGRESS).is_file()
    return left


def test_another_text_or_other_settings_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    interrupt(data, tmp_path / "cache", monkeypatch, at=0.3)
    assert not load(data, tmp_path / "cache", val_fraction=0.2).went_on
    write(data, prose(2))
    assert not load(data, tmp_path / "cache").went_on
    write(data, prose(1))
    assert load(data, tmp_path / "cache").went_on


@pytest.mark.parametrize(
    ("name", "at"),
    [("documents", 0.3), ("progress.json", 0.9), ("train.bin", 0.9), ("train_chars", 0.9)],
)
def test_what_was_kept_and_is_damaged_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, at: float
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    load(data, tmp_path / "whole")
    left = interrupt(data, tmp_path / "cache", monkeypatch, at=at)
    content = bytearray((left / name).read_bytes())
    content[len(content) // 3] ^= 1
    (left / name).write_bytes(content)
    assert not load(data, tmp_path / "cache").went_on
    assert entry(tmp_path / "cache") == entry(tmp_path / "whole")


def test_a_part_that_is_cut_or_gone_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    for number, change in enumerate([lambda path: os.truncate(path, 99), Path.unlink]):
        for name in ("documents", "train.bin"):
            cache = tmp_path / f"{name}-{number}"
            change(interrupt(data, cache, monkeypatch, at=0.9) / name)
            assert not load(data, cache).went_on


@pytest.mark.parametrize(
    ("at", "forged"),
    [
        (0.3, {"documents": "many"}),
        (0.3, {"documents": -1}),
        (0.3, {"documents": 2**70}),
        (0.3, {"reading": 5}),
        (0.3, {"reading": {"share": float("inf")}}),
        (0.3, {"reading": {"share": 0.5, "file": 0, "place": {}, "report": []}}),
        (0.9, {"read": {"digest": None}}),
        (0.9, {"tokenizer": {"tokenizer": {"kind": "runes"}, "newcomers": {}}}),
        (0.9, {"encoding": {"batches": 1, "sides": [{"pairs": []}] * 2, "share": 0.5}}),
    ],
)
def test_what_was_kept_and_is_forged_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: float, forged: dict[str, object]
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    left = interrupt(data, tmp_path / "cache", monkeypatch, at=at) / PROGRESS
    write_description(left, read_guarded(left) | forged)
    assert not load(data, tmp_path / "cache").went_on
    load(data, tmp_path / "whole")
    assert entry(tmp_path / "cache") == entry(tmp_path / "whole")


def test_too_little_memory_loses_nothing_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    interrupt(data, tmp_path / "cache", monkeypatch, at=0.9)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch, suppress(MemoryError):
        patch.setattr(TokenDatasetWriter, "write", fail)
        load(data, tmp_path / "cache")
    assert "at 0 %" not in load(data, tmp_path / "cache").went_on


def test_a_short_reading_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.txt", "short")
    with interrupted_at(2, monkeypatch) as writings:
        load(tmp_path / "a.txt", tmp_path / "cache")
    assert len(writings) == 2
    assert list((tmp_path / "cache").iterdir()) == []


def test_only_the_latest_interrupted_reading_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    for share in (0.1, 0.2, 0.3):
        with interrupted_at(9, monkeypatch):
            load(data, tmp_path / "cache", val_fraction=share)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert load(data, tmp_path / "cache", val_fraction=0.3).went_on


def test_what_tells_of_a_reading_is_far_shorter_than_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        write(tmp_path / "data" / f"{number}.txt", prose(number, num_lines=9))
    with monkeypatch.context() as patch, interrupted_at(0, monkeypatch) as writings:
        patch.setattr(progress, "_TIMES_AS_LONG", 64)
        load(tmp_path / "data", tmp_path / "cache")
    assert writings.count("save") == 1  # the text is shorter than 64 times what this wrote


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.data.corpus import test_interrupted as test
import pytest

patch = pytest.MonkeyPatch()
test.patch_sizes(patch)
save, left = test.Progress.save, int(sys.argv[3])

def killed(self, **done):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, **done)

patch.setattr(test.Progress, "save", killed)
test.load(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("saves", [4])
def test_a_process_that_was_killed_is_gone_on_from(tmp_path: Path, saves: int) -> None:
    data = tmp_path / "a.txt"
    write(data, prose(1))
    load(data, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(data), str(tmp_path / "cache"), str(saves)]
    killed = subprocess.run(command, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert load(data, tmp_path / "cache").went_on
    assert entry(tmp_path / "cache") == entry(tmp_path / "whole")
