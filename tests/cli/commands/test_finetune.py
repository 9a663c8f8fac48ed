"""`lumina finetune` as it is typed."""

import json
import shutil
from pathlib import Path

import pytest

from lumina_cli.cli.verbosity import verbosity
from lumina_cli.core.checkpoint.model_file import load_model
from tests.cli.command_line import lumina

TINY = ("--hidden-size", 16, "--num-layers", 1, "--nhead", 2, "--seq-length", 16)
VERSE = "the cat sat on the mat and the dog sat on the log\n" * 30
CYRILLIC = "кот сидел на столе и дог спал на полу\n" * 25


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model and texts."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
    (folder / "mine.txt").write_text(CYRILLIC, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert lumina("train", "--data", "verse.txt", "--max-steps", 10, *TINY, "-q") == 0
    return folder


@pytest.fixture
def home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to run commands in."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_tells_plan_progress_and_what_was_learnt_and_kept(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 6) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    told = " ".join(captured.err.replace("│", " ").split())  # lines break where they are full
    for said in ("Model.pth", "added", "of each pass repeats it", "before", "kept:", "→",
                 "Give it more: lumina finetune --resume --max-steps 12"):  # fmt: skip
        assert said in told, said
    assert (home / "FineTuned_Model.pth").is_file()


def test_json_holds_before_and_after(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 6, "--json", "-q") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    report = json.loads(captured.out)
    assert report["base"] == str(home / "Model.pth")
    assert report["val_nats_per_char"] < report["base_val_nats_per_char"]
    assert report["kept_nats_per_char"] > 0 < report["base_kept_nats_per_char"]
    assert set(report["characters_added"]) == set(CYRILLIC) - set(VERSE)


def test_a_dry_run_writes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--dry-run", "--json", "-q") == 0
    plan = json.loads(capsys.readouterr().out)
    assert "new characters" in plan["finetuning"]
    assert not list(home.glob("FineTuned*"))


def test_info_shows_the_lineage_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 2, "-q") == 0
    assert lumina("info", "FineTuned_Model.pth") == 0
    shown = capsys.readouterr().out
    digest = load_model(home / "Model.pth").digest
    assert f"Model.pth (digest {digest[:12]}…, trained on verse.txt) learnt mine.txt" in shown
    assert not set("[]{}'") & set(shown)


def test_a_stopped_run_goes_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 4, "-q") == 0
    assert lumina("finetune", "--resume", "--max-steps", 8, "--json", "-q") == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 8


def test_a_model_that_is_named_for_a_run_that_goes_on_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 2, "-q") == 0
    monkeypatch.setattr(verbosity, "level", 0)  # it is set once a process
    assert lumina("finetune", "--resume", "-m", "Other.pth", "--max-steps", 3) == 0
    assert "--model has no effect with --resume" in capsys.readouterr().err


def test_advice_against_forgetting_is_to_repeat_old_text_where_none_was(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    flags = ("--max-steps", 12, "--learning-rate", "0.05", "--num-evals", 1)
    assert lumina("finetune", "--data", "mine.txt", "--replay", "off", *flags) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "worse than before" in err
    assert "--replay auto" in err
    assert "--replay-ratio" not in err.split("worse than before")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "lumina finetune --data FILE"),
        (["--data", "mine.txt", "-m", "nowhere.pth"], 66, "there is no model nowhere.pth"),
        (["--data", "mine.txt", "-m", "verse.txt"], 65, "is text, not a lumina model"),
        (["--data", "mine.txt", "-o", "Model.pth"], 73, "never written over"),
        (["--data", "nowhere.txt"], 66, "nowhere.txt"),
        (["--data", "mine.txt", "--freeze-layers", "9"], 2, "--freeze-layers 1"),
        (["--data", "mine.txt", "--lora-rank", "x"], 2, "(from --lora-rank)"),
        (["--resume"], 66, "FineTuned_Model.run"),
        (["--resume", "Model.run"], 2, "lumina train --resume"),
        (["mine.txt"], 2, "--data mine.txt"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert lumina("finetune", *arguments) == code
    err = " ".join(capsys.readouterr().err.split())
    assert said in err
    assert "Traceback" not in err


def test_every_command_takes_the_result(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--max-steps", 2, "-q") == 0
    model = ("-m", "FineTuned_Model.pth")
    assert lumina("eval", *model, "--data", "mine.txt", "--json") == 0
    assert lumina("generate", *model, "--prompt", "кот", "--max-chars", 5, "--seed", 1) == 0
    assert lumina("chat", *model, "--prompt", "кто", "--max-chars", 5, "--seed", 1) == 0
    assert capsys.readouterr().out


def test_the_shape_can_not_be_set(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("finetune", "--data", "mine.txt", "--hidden-size", 32) == 2
    assert "hidden-size" in capsys.readouterr().err
