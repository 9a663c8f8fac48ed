"""How views look: within the width, in colours or in digits, and no control reaches a terminal."""

import io
import re
import unicodedata
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from lumina_cli.cli.views.look.canvas import Canvas
from lumina_cli.cli.views.look.draw import lines_of
from lumina_cli.cli.views.look.heat import Cell, heat
from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.look.characters import characters
from lumina_cli.look.heads import heads
from lumina_cli.look.layers import layers
from lumina_cli.look.matters import matters
from lumina_cli.look.next_character import NextView, next_character
from lumina_cli.look.reading import read_messages
from lumina_cli.look.source.view import Baseline, Place, SourceView, Span
from lumina_cli.look.surprise import surprise
from lumina_cli.look.views import CompareView, ModelFacts, Side, View
from tests.unit.look.conftest import CHARACTERS, tiny_model

SAID = "abc de. [b]fgh[/b] ü漢\x1b[2J " * 4


@pytest.fixture(scope="module")
def views() -> list[View]:
    model = tiny_model(CHARACTERS, seq_length=256)
    talk = [Message("user", "a\tb?\ncd"), Message("bot", SAID)]
    reading = read_messages(talk, tokenizer=CHARACTERS, loss_on="bot")
    span = Span(0, 30, SAID[:30], 2, [Place("x<|bot|>" * 9, "\x07 y\n" * 20, "bot")])
    return [
        next_character(model, reading, config=SamplingConfig()),
        surprise(model, reading),
        matters(model, reading, target=len(reading) - 3),
        layers(model, reading),
        heads(model, reading, position=20, off=[(1, 1)]),
        characters(model, CHARACTERS),
        SourceView(
            SAID,
            "bot",
            True,
            "",
            16,
            [span],
            0.4,
            False,
            Baseline(0.2, 0.1, 50),
            999,
            ["a\n\x1b[2J\u202e.txt"],
            [],
        ),
    ]


def beside(left: View, right: View) -> CompareView:
    facts = ModelFacts("", "abcdefgh0", 2, 2, 32, 256, 30, "bot", is_chatbot=True)
    sides = [
        Side(replace(facts, name=name), SAID, view) for name, view in (("A", left), ("B", right))
    ]
    return CompareView(*sides, is_identical=False, notes=[])


def drawn(view: View | CompareView, *, width: int, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="256" if colour else None
    )
    for line in lines_of(view, Canvas.of(console)):
        console.print(line)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_none_controls_it(
    views: list[View], width: int
) -> None:
    for view in [*views, *(beside(view, view) for view in views)]:
        shown = drawn(view, width=width)
        assert max(map(cell_len, shown.splitlines())) <= width, view.view
        assert not [c for c in shown if unicodedata.category(c) == "Cc" and c != "\n"]


@pytest.mark.parametrize("colour", [False, True])
def test_where_there_is_room_two_models_stand_side_by_side(views: list[View], colour: bool) -> None:
    for view in views:
        wide, narrow = (
            drawn(beside(view, view), width=width, colour=colour).splitlines()
            for width in (120, 99)
        )
        assert "A (abcdefgh)" in wide[0], view.view
        assert "B (abcdefgh)" in wide[0], view.view
        assert "B (abcdefgh)" not in narrow[0], view.view
        assert len(wide) < len(narrow), view.view


def test_what_may_come_next_is_one_table_of_both_models(views: list[View]) -> None:
    left = views[0]
    assert isinstance(left, NextView)
    first, second, *_ = left.candidates
    ours = replace(left, candidates=[replace(first, label="x", prob=0.75, drawn=1.0)])
    both = [replace(second, label="y", prob=0.5, drawn=0.0), *ours.candidates]
    lines = drawn(beside(ours, replace(left, candidates=both)), width=120).splitlines()
    row = next(line for line in lines if line.startswith("x"))
    assert re.findall(r"[\d.]+%|-(?=  |$)", row) == ["75.0%", "100.0%", "75.0%", "100.0%"]
    row = next(line for line in lines if line.startswith("y"))
    assert re.findall(r"[\d.]+%|-(?= |$)", row) == ["50.0%", "-"]


def test_colours_stand_for_the_digits(views: list[View]) -> None:
    for view in views[1:3]:
        assert "\x1b[" in drawn(view, width=80, colour=True)
        assert "\x1b[" not in drawn(view, width=80)
        assert "digits:" in drawn(view, width=80)
        assert "digits:" not in drawn(view, width=80, colour=True)


def test_a_digit_stands_under_each_piece_and_what_is_below_zero_has_its_own_line() -> None:
    cells = [Cell("漢", 3), Cell("b", 0), Cell("c", -2), Cell("<E2>", 9), Cell("x", is_marked=True)]
    canvas = Canvas(40, has_colour=False, encoding="utf-8")
    lines = [line.plain for line in heat(cells, canvas)]
    assert lines == ["  漢bc<E2>x", "  3 . 9   ^", "-    2"]


def test_lines_break_behind_words() -> None:
    cells = [Cell(character, 1) for character in "the cat sat on the mat"]
    canvas = Canvas(20, has_colour=False, encoding="utf-8")
    texts = [line.plain for line in heat(cells, canvas)][::2]
    assert texts == ["  the cat sat on ", "  the mat"]


def test_where_blocks_can_not_be_written_bars_are_hashes(views: list[View]) -> None:
    plain = Canvas(80, has_colour=False, encoding="ascii")
    text = "\n".join(line.plain for line in lines_of(views[0], plain))
    assert "█" not in text
    assert plain.bar(0.5, size=10) == "#####"
    assert Canvas(80, has_colour=False, encoding="utf-8").bar(0.55, size=10) == "█████▌"


def test_what_is_not_known_is_not_drawn_as_known() -> None:
    gone = SourceView(
        "abc", "bot", False, "a.txt has changed since", 3, [], None, None, None, 0, [], ["note"]
    )
    assert "where from: a.txt has changed since" in drawn(gone, width=80)
    assert "%" not in drawn(gone, width=80)


def test_of_an_empty_reply_no_character_counts_though_its_end_does() -> None:
    talk = [Message("user", "ab"), Message("bot", "")]
    reading = read_messages(talk, tokenizer=CHARACTERS, loss_on="bot")
    told = drawn(surprise(tiny_model(CHARACTERS, seq_length=256), reading), width=80)
    assert "No character here was learnt from." in told
