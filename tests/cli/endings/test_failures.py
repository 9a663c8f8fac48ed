"""Commands on disks that fail: they end as promised, and lose nothing that was there."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from lumina_cli.io.staging import STAGING_SUFFIX
from tests.cli.command_line import lumina
from tests.cli.conftest import Lumina
from tests.failing import FAILURES, FailingCalls, contents, full_disk

VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
SHAPE = {"hidden-size": 8, "num-layers": 1, "nhead": 1, "seq-length": 16, "batch-size": 2}
TINY = [word for name, value in SHAPE.items() for word in (f"--{name}", str(value))]
RUN = ["--max-steps", 4, "--num-evals", 1, "--save-every", 2, "--eval-chars", 64, "--threads", 1]
TRAIN = ["train", "--data", "text.txt", *TINY, *RUN]
ENDS = {73, 74}

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a first model was trained."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        settle(folder, patch)
        Path("text.txt").write_text(VERSE, encoding="utf-8")
        assert lumina(*TRAIN, "--seed", 1, "--quiet") == 0
    return folder


def settle(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    patch.setenv("LUMINA_CACHE_DIR", str(folder / "cache"))
    patch.setattr("lumina_cli.recipes.train.plan.measure_step_s", lambda *_, **__: 1.0)


@pytest.fixture
def trained(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Go on in a copy of that folder; return its models and checkpoints."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    settle(tmp_path, monkeypatch)
    return {name: text for name, text in contents(tmp_path).items() if name.endswith(".pth")}


def kept(before: dict[str, bytes]) -> None:
    """Make sure that all that there was is still there, and that every file is whole."""
    now = contents(Path.cwd())
    assert set(before.values()) <= set(now.values())
    for path in Path.cwd().rglob("*.pth"):
        if path.parent.name == "checkpoints":
            load_checkpoint(path)
        elif path.name != "validation-sample.pth":
            load_model(path)
    assert not [name for name in now if name.endswith((".damaged", STAGING_SUFFIX))]


def moments(total: int, *, most: int) -> Iterator[int]:
    """Yield calls to fail, spread over all of them."""
    step = max(total // most, 1)
    yield from range(1, total + 1, step)


def count_calls() -> int:
    calls = FailingCalls(-1, code=None)
    with calls.installed():
        assert lumina(*TRAIN, "--quiet") == 0
    return calls.count


@pytest.mark.parametrize("most", [5, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
def test_training_on_a_disk_that_fails_at_any_moment(
    trained: dict[str, bytes], capsys: pytest.CaptureFixture[str], most: int, *, lasts: bool
) -> None:
    total = count_calls()
    trained = {name: text for name, text in contents(Path.cwd()).items() if name.endswith(".pth")}
    for number, nth in enumerate(moments(total, most=most)):
        code = errno.ENOSPC if lasts else FAILURES[number % len(FAILURES)]
        calls = FailingCalls(nth, code=code, lasts=lasts)
        with calls.installed():
            ended = lumina(*TRAIN, "--seed", number, "--quiet")
        told = capsys.readouterr().err
        assert ended in ENDS | {0}, (nth, calls.failed, told)
        assert "Traceback" not in told
        if ended:
            assert told.startswith("error: "), (nth, calls.failed)
            assert "-vv" not in told, (nth, calls.failed, told)  # it says itself what was wrong
        else:
            assert load_model(Path("Model.pth")).metadata["seed"] == number
        kept(trained)
        if ended == 0 and lasts:
            assert nth > total // 2, (nth, calls.failed)


@POSIX
@pytest.mark.parametrize("room", [0, 500, 2_000, 5_000])
@pytest.mark.parametrize(
    "command",
    [
        TRAIN,
        ["train", "--data", "other.txt", *TINY, *RUN],
        ["train", "--resume", "--max-steps", 8],
        ["finetune", "--data", "other.txt", "--max-steps", 2, "--threads", 1],
    ],
    ids=["train", "train on text that is not cached", "resume", "finetune"],
)
def test_a_full_disk_ends_a_run_as_promised(
    trained: dict[str, bytes], capsys: pytest.CaptureFixture[str], command: list[object], room: int
) -> None:
    Path("other.txt").write_text(VERSE.upper(), encoding="utf-8")
    with full_disk(room):
        ended = lumina(*command, "--quiet")
    told = capsys.readouterr().err
    assert ended in ENDS, told
    assert told.startswith("error: ")
    assert "-vv" not in told
    kept(trained)
    assert lumina(*command, "--quiet") == 0  # once there is room


@POSIX
def test_a_log_for_which_there_is_no_room_costs_no_run(
    trained: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    room = max(map(len, trained.values())) * 2
    Path("mine.log").write_bytes(b"-" * room + b"\n")
    with full_disk(room):
        assert lumina(*TRAIN, "--quiet", "--log-file", "mine.log") == 0, capsys.readouterr().err
    kept(trained)


@POSIX
@pytest.mark.parametrize("room", [0, 100])
def test_a_data_set_for_which_there_is_no_room_leaves_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"text": "a poem of a few words"}\n' * 20, encoding="utf-8")
    fetch = ["data", "fetch", "poets/poems", "--from", "rows.jsonl", "--quiet", "--force"]
    assert lumina(*fetch) == 0
    before = contents(tmp_path)
    with full_disk(room):
        assert lumina(*fetch) in ENDS
    assert capsys.readouterr().err.startswith("error: ")
    assert contents(tmp_path) == before


@POSIX
def test_a_chat_that_cannot_be_saved_goes_on(
    lumina: Lumina, letters_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chat = ["chat", "-m", str(letters_model), "--max-chars", "4"]
    assert lumina(*chat, stdin="one\n/save chat.json\n").code == 0
    before = contents(tmp_path)["chat.json"]
    with full_disk(50):
        ended = lumina(*chat, stdin="two\n/save chat.json\nthree\n")
    assert ended.code == 74  # told at the end, for who pipes lines into it
    assert len(ended.out.splitlines()) == 2, "the chat ended early"
    assert "chat.json can't be written" in ended.err
    assert contents(tmp_path)["chat.json"] == before
