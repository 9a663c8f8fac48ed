"""`lumina look`: what a model learnt, shown on a text."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Lumina

VIEWS = ["next", "surprise", "matters", "layers", "heads", "characters"]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_drawn_and_is_one_object_of_json(
    lumina: Lumina, letters_model: Path, view: str
) -> None:
    shown = lumina("look", "-m", str(letters_model), "the cat", f"--{view}")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.strip()
    told = lumina("look", "-m", str(letters_model), "the cat", f"--{view}", "--json")
    assert json.loads(told.out)["view"] == view


def test_without_a_view_there_is_an_overview_that_names_the_others(
    lumina: Lumina, letters_model: Path
) -> None:
    outcome = lumina("look", "-m", str(letters_model), "the cat")
    assert outcome.code == 0
    assert "nats per character" in outcome.out
    assert "what mattered for" in outcome.out
    assert "where from: letters.txt is not read: the model file does not tell" in outcome.out
    assert "--layers" in outcome.out


@pytest.mark.parametrize(("columns", "models_in_line"), [(99, 1), (100, 2)])
def test_two_models_are_shown_side_by_side_where_there_is_room(
    lumina: Lumina,
    letters_model: Path,
    columns: int,
    models_in_line: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    path = str(letters_model)
    outcome = lumina("look", "-m", path, "the cat", "--next", "--compare", path)
    assert outcome.out.splitlines()[0].count("Model (") == models_in_line
    assert "Both show the same, to the last digit." in outcome.out


def test_a_page_is_written_and_what_has_no_effect_on_it_is_told(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    arguments = ["the cat", "--heads", "--json", "--html", str(path), "--with-model"]
    outcome = lumina("look", "-m", str(letters_model), *arguments)
    assert (outcome.code, outcome.out) == (0, "")
    for told in ("--heads has no effect", "--json has no effect", "MB; open it in a browser"):
        assert outcome.err.count(told) == 1
    assert path.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([""], 'there is no text to look into\nGive one: lumina look "Hello"'),
        (["a", "--next", "--heads"], "--next and --heads can't be given together"),
        (["a", "--heads", "--off", "one"], "--off takes a layer and a head, such as 1.2"),
        (["a", "--heads", "--off", "9.9"], "there is no head 9.9: the model has 2 layers of 2"),
        (["a", "--heads", "--off", "1" * 5_000 + ".1"], "--off takes a layer and a head"),
        (["a", "--matters", "--at", "1" * 5_000], "does not stand in 'a'"),
        (["a", "--matters", "--at", ""], "'' does not stand in 'a'"),
        (["a", "--matters", "--at", "zz"], "'zz' does not stand in 'a'"),
        (["a", "--reply", "b"], "--reply is for messages"),
        (["a", "--next", "--temperature", "7"], "temperature"),
        (["a", "--with-model"], "--with-model needs a page\nAdd: --html look.html"),
        (["a", "--html", "x.html", "--compare", "b.pth"], "--html shows one model"),
    ],
)
def test_what_can_not_be_meant_is_told_in_a_line_or_two(
    lumina: Lumina, letters_model: Path, arguments: list[str], told: str
) -> None:
    outcome = lumina("look", "-m", str(letters_model), *arguments)
    assert outcome.code == 2
    assert told in outcome.err
    assert outcome.out == ""


def test_a_flag_that_has_no_effect_is_told(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("look", "-m", str(letters_model), "a", "--next", "--at", "a")
    assert "--at has no effect without --matters" in outcome.err
    assert outcome.code == 0


def test_a_wicked_model_reaches_no_terminal(lumina: Lumina, wicked_model: Path) -> None:
    for view in VIEWS:
        outcome = lumina("look", "-m", str(wicked_model), "\x1b[2J[bold]", f"--{view}")
        assert outcome.code == 0
        assert not set(outcome.out) & set("\x1b\x00\x07\x08\r\x7f\x9b\x9d")
