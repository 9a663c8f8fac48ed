"""What is said of a command line that can't be understood."""

from pathlib import Path

import pytest

from tests.cli.command_line import lumina


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("check book.txt", "Did you mean: lumina data check"),
        ("fetch oasst1", "Did you mean: lumina data fetch"),
        ("talk", "Did you mean: lumina chat"),
        ("frobnicate", "See: lumina --help"),
        ("train --epochs", "See: lumina train --help"),
        ("data check", "Name a file or folder: lumina data check FILE"),
        ("data check --data a.txt", "Name a file or folder: lumina data check FILE"),
        ("data fetch", "Fetch one: lumina data fetch oasst1"),
        ("data fetch https://x.org/a.txt", "lumina train --data FILE"),
        ("eval -m Cat.pth", "Name the text: lumina eval --model Cat.pth --data FILE"),
        ("export Cat.pth --to hf", "lumina export --model Cat.pth --to hf"),
        ("finetune Cat.pth --data a.txt", "lumina finetune --model Cat.pth --data FILE"),
        ("generate -p Hello", "Did you mean --prompt?"),
        ("info -m Cat.pth", "Name it without a flag: lumina info FILE"),
        ("chat Cat.pth", "Name a model with --model: lumina chat --model Cat.pth"),
        ("chat hello", "To say something and exit: lumina chat --prompt hello"),
        ("chat -m Cat.pth hello", "lumina chat --model Cat.pth --prompt hello"),
        ("chat hello you", "lumina chat --prompt 'hello you'"),
        ("generate -m Cat.pth Once upon", "lumina generate --model Cat.pth 'Once upon'"),
        ("train --data a.txt -m Cat.pth", "lumina finetune --model"),
        ("train --lr 1", "Did you mean --learning-rate? See: lumina train --help"),
        ("finetune --file a.txt", "Did you mean --data?"),
        ("chat --lr 1", "See: lumina chat --help"),
        (
            "finetune --data a.txt --hidden-size 32",
            "It is set when a model is trained: lumina train --hidden-size",
        ),
        ("train --minutes 1h", "Did you mean: --minutes 60"),
        ("train --data ~/book.txt", "In quotes, ~ is not your home"),
        ("train --data *.epub", "name a folder"),
        ("chat --load no.json", "/save FILE"),
        ("eval --data a.txt b.txt", "Name the text with --data: lumina eval --data b.txt"),
        ("serve --class --port 80", "The option before --port needs a value"),
        ("train --config no.toml", "What it can set: lumina train --help-all"),
        ("train --preset Demo", "Did you mean: lumina train --preset demo"),
        ("train --preset giant", "See what they hold with: lumina train --list-presets"),
        ("data fetch oasst3", "Did you mean: lumina data fetch oasst1"),
        ("data fetch squad", "See: lumina data list."),
        ("finetune --resume", "The same command without --resume begins one."),
        ("train my.pth", "Begin from it: lumina finetune --model my.pth --data FILE. Or resume"),
        ("finetune my.run", "Train on it: --data my.run. Or resume from it: --resume my.run"),
        ("data check no.txt", "Name a file or folder that exists"),
        ("docs zzz", "See: lumina docs"),
        ("docs dta", "Did you mean: lumina docs data"),
    ],
)
def test_the_hint_names_what_was_meant(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina(*typed.split()) in (2, 66)
    error, told = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert hint in told


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("book.txt", "Did you mean: lumina train --data book.txt"),
        ("Cat.pth", "Did you mean: lumina chat --model Cat.pth"),
        ("train --data bok.txt", "Did you mean book.txt?"),
        ("train --data book.txt,Cat.pth", "--data book.txt --data Cat.pth"),
        ("data check book.txt,Cat.pth", "(for data check without --data)"),
        ("train --data book.txt book.txt", "Train on it, too: --data book.txt"),
        ("train --data book.txt a.txt b.txt", "or the folder they are in: --data FOLDER"),
        ("train --data Cat.pth", "lumina finetune --model Cat.pth --data FILE"),
        ("chat book.txt", "A text is learnt with: lumina train --data book.txt"),
        ("info my cat.pth", "Put a name with a space in quotes: 'my cat.pth'"),
        ("chat -m my cat.pth", "Put a name with a space in quotes: 'my cat.pth'"),
        ("data check -x.txt", "If the file is meant: ./-x.txt"),
    ],
)
def test_the_hint_knows_the_files_that_are_there(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("book.txt").write_text("Once upon a time.\n", encoding="utf-8")
    Path("-x.txt").write_text("Once upon a time.\n", encoding="utf-8")
    for model in ("Cat.pth", "my cat.pth"):
        Path(model).write_bytes(b"PK\x03\x04\xff\xff")
    assert lumina(*typed.split()) in (2, 65, 66)
    assert hint in capsys.readouterr().err.splitlines()[-1]


def test_a_model_that_is_not_there_is_looked_for_under_a_like_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("A.pth", "B.pth", "C.pth", "Cat 2.pth", "D.pth", "E.pth", "F.pth"):
        Path(name).write_bytes(b"")
    assert lumina("info", "Cat2") == 66
    error, told = capsys.readouterr().err.splitlines()
    assert error.endswith(
        "no model Cat2 (there is: A.pth, B.pth, C.pth, Cat 2.pth, D.pth and 2 more)"
    )
    assert told.startswith("Point to one: lumina info 'Cat 2.pth'. Or train one")


def test_a_missing_option_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("export") == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: missing option '--to'. Choose from: hf, gguf, onnx, web, lumina",
        "See: lumina export --help",
    ]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("fetch oasst1", "error: no such command 'fetch'"),  # Click alone would guess 'watch'
        ("trian", "error: no such command 'trian'. Did you mean 'train'?"),
        (
            "export --to ggfu",
            "error: invalid value for '--to': 'ggfu' is not one of "
            "'hf', 'gguf', 'onnx', 'web', 'lumina'",
        ),
        (
            "generate -n 0",
            "error: invalid value for '--num-samples' / '-n': must be greater than or equal to 1",
        ),
    ],
)
def test_what_is_wrong_is_told_without_the_words_of_a_library(
    typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina(*typed.split()) == 2
    assert capsys.readouterr().err.splitlines()[0] == message


@pytest.mark.parametrize("typed", [[], ["data"]])
def test_a_group_without_a_command_shows_its_help(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina(*typed) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: lumina")
    assert shown.err == ""


@pytest.mark.parametrize("typed", [["help", "train"], ["train", "-h"]])
def test_help_is_found_by_its_other_names(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lumina(*typed) == 0
    assert capsys.readouterr().out.startswith("Usage: lumina train")
