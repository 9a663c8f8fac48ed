"""`lumina train`, `eval`, `info` and `doctor` as a person sees them."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.command_line import lumina

VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
SHAPE = {"hidden-size": 16, "num-layers": 1, "nhead": 2, "seq-length": 16, "batch-size": 4}
TINY = [word for name, value in SHAPE.items() for word in (f"--{name}", str(value))]


@pytest.fixture
def verse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text in an otherwise empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "verse.txt"
    path.write_text(VERSE, encoding="utf-8")
    return path


@pytest.fixture
def model(verse: Path) -> Path:
    """A model trained for a few steps, in the current folder."""
    assert lumina("train", "--data", verse, *TINY, "--max-steps", 3, "-q") == 0
    return verse.with_name("Model.pth")


def test_train_shows_plan_lines_and_report_on_stderr(
    verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("train", "--data", verse, *TINY, "--epochs", 2) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("─ plan ─") == 1
    assert (
        len(re.findall(r"│ parameters +[\d,]+ +│", err)) == 1
    )  # and no list of settings beside it
    assert "Model parameters" not in err
    assert re.search(
        r"Epoch +1 \| Loss: \d+\.\d{4} \| Accuracy: \d+\.\d\d% \| LR: \d\.\d\de-\d\d \| "
        r"Time: \d+\.\ds \| Elapsed: \d+\.\ds",
        err,
    )
    assert "Let it write: lumina generate --prompt 'the cat'" in err


def test_train_json_ends_with_one_object_on_stdout(
    verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("train", "--data", verse, *TINY, "--max-steps", 3, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "Model.pth"
    assert report["steps"] == 3
    assert report["stop_reason"] == "max_steps"
    assert report["val_bits_per_char"] == pytest.approx(report["val_nats_per_char"] / 0.6931472)


def test_quiet_training_says_nothing(verse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("train", "--data", verse, *TINY, "--max-steps", 2, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_dry_run_writes_nothing(verse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("train", "--data", verse, *TINY, "--dry-run") == 0
    assert "steps" in capsys.readouterr().err
    assert list(verse.parent.iterdir()) == [verse]


@pytest.mark.parametrize("length", [(), ("--epochs", 100)])
def test_a_run_that_would_take_very_long_ends_in_ten_minutes_unless_its_length_is_given(
    verse: Path,
    length: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("lumina_cli.recipes.train.plan.measure_step_s", lambda *_, **__: 100.0)
    assert lumina("train", "--data", verse, *TINY, *length, "--dry-run", "--json") == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    if length:
        assert plan["seconds"] > plan["steps"] * 100.0
    else:
        assert plan["seconds"] == 600
    assert ("no length was given" in err) == (not length)


def test_presets_are_listed_with_what_they_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("train", "--list-presets") == 0
    out = capsys.readouterr().out
    assert "small" in out
    assert "hidden_size=256, num_layers=4, seq_length=256, batch_size=8, minutes=45.0" in out
    assert "hidden_size=1024, num_layers=12, batch_size=32" in out
    assert "None" not in out


def test_a_wrong_value_is_told_with_its_source(
    verse: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_BATCH_SIZE", "0")
    assert lumina("train", "--data", verse) == 2
    err = capsys.readouterr().err
    assert err == "error: batch_size must be at least 1 (from LUMINA_BATCH_SIZE)\n"


def test_missing_data_exits_66_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lumina("train") == 66
    assert "lumina train --preset demo" in capsys.readouterr().err
    assert lumina("train", "--data", "nowhere.txt") == 66


def test_a_missing_output_folder_is_told_before_training(
    verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("train", "--data", verse, *TINY, "-o", "nowhere/Model.pth") == 73
    assert "nowhere" in capsys.readouterr().err


def test_eval_measures_in_nats_and_bits(
    model: Path, verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("eval", "--data", verse, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["characters"] == len(VERSE)
    assert figures["bits_per_char"] == pytest.approx(figures["nats_per_char"] / 0.6931472)
    assert 0 <= figures["accuracy"] <= 1


def test_eval_tells_which_settings_change_nothing(
    model: Path, verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("eval", "--data", verse, "--loss-on", "bot", "-v") == 0
    told = "loss_on has no effect where there are no conversations (from --loss-on)"
    out, err = capsys.readouterr()
    assert err.splitlines() == [told]
    name, loss, accuracy, characters = out.splitlines()
    assert name == "model       Model.pth"
    assert re.fullmatch(r"loss        \d\.\d{4} nats a character, \d\.\d{4} bits", loss)
    assert re.fullmatch(r"accuracy    \d+\.\d% of the characters right", accuracy)
    assert characters == f"characters  {len(VERSE):,}"


def test_info_tells_shape_vocabulary_and_training(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("info", model, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"]["hidden_size"] == 16
    assert facts["vocabulary"]["characters"] == len(set(VERSE))
    assert facts["training"]["steps"] == 3


def test_info_speaks_no_python(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("info", model) == 0
    out = capsys.readouterr().out
    assert "parameters" in out
    assert "verse.txt (" in out
    assert not set("[]{}'") & set(out)


def test_info_of_a_damaged_model_exits_65(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    assert lumina("info", model) == 65
    assert "damaged" in capsys.readouterr().err


def test_doctor_names_device_precision_and_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("doctor", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["precision"] in ("fp32", "bf16")
    assert facts["versions"]["torch"]
    assert "cpu" in facts["devices"]


def test_a_dry_run_with_json_puts_the_plan_on_stdout(
    verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("train", "--data", verse, *TINY, "--max-steps", 3, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["model"] == "Model.pth"
    assert plan["steps"] == 3
    assert plan["train_chars"] + plan["val_chars"] == len(VERSE)


def test_a_log_file_that_cant_be_written_is_told_before_training(
    verse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = verse.parent / "nowhere" / "a.log"
    assert lumina("train", "--data", verse, *TINY, "--max-steps", 2, "--log-file", log) == 73
    assert str(log) in capsys.readouterr().err.replace("\n", "")
    assert not verse.with_name("Model.pth").exists()


@pytest.mark.parametrize(
    "ways",
    [
        ["--resume", "Model.run", "--max-steps", 5],
        ["--resume=Model.run", "--max-steps", 5],
        ["--max-steps", 5, "--resume=Model.run"],
        ["--max-steps", 5, "--resume", "Model.run"],
        ["--max-steps", 5, "--resume"],
    ],
    ids=lambda way: " ".join(map(str, way)),
)
def test_resume_takes_a_path_in_every_usual_form(
    model: Path, capsys: pytest.CaptureFixture[str], ways: list[object]
) -> None:
    assert lumina("train", "--json", "-q", *ways) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 5


def test_a_path_to_resume_from_that_is_not_there_is_told(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina("train", "--resume=nowhere.pth") == 66
    assert "nowhere.pth" in capsys.readouterr().err
