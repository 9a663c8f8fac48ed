"""Ids that a longer text may have otherwise: those of every way to go on, found by trying all."""

from itertools import product

import pytest

from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer

DRIVE = BpeTokenizer(
    " deirvng'tos",
    [("r", "i"), (" ", "d"), (" d", "ri"), ("v", "e"), ("ve", "r"), (" dri", "ver"), ("n", "g"),
     (" ", " "), ("  ", " "), ("o", "n"), ("'", "t"), ("on", "'t"), ("d", "o")],
)  # fmt: skip


def texts_of(ways: list[list[int]]) -> set[tuple[str, ...]]:
    return {tuple(map(DRIVE.describe, way)) for way in ways}


def held(text: str) -> tuple[list[str], str]:
    ids, held_text = DRIVE.without_open_end(DRIVE.encode(text))
    return list(map(DRIVE.describe, ids)), held_text


def test_a_piece_of_the_whole_word_can_follow_its_cut_beginning() -> None:
    assert list(map(DRIVE.describe, DRIVE.encode("so driv"))) == ["s", "o", " dri", "v"]
    assert held("so driv") == (["s", "o"], " driv")
    assert texts_of(DRIVE.ways_on(" driv")) == {(" dri", "v"), (" dri", "ve"), (" driver",)}


def test_the_last_of_some_spaces_can_go_to_the_word_behind_them() -> None:
    assert held("s   ") == (["s"], "   ")
    assert texts_of(DRIVE.ways_on("   ")) == {
        ("   ",), ("  ", " "), ("  ", " d"), ("  ", " dri"), ("  ", " driver"),
        ("  ", "  "), ("  ", "   "),
    }  # fmt: skip


def test_an_apostrophe_can_go_to_the_word_before_it() -> None:
    assert held("no on'") == (["n", "o", " "], "on'")
    assert texts_of(DRIVE.ways_on("on'")) == {("on", "'"), ("on't",)}


def test_what_is_certain_stays() -> None:
    assert held("so gi") == (["s", "o", " ", "g", "i"], "")
    assert held("so nr") == (["s", "o", " ", "n"], "r")
    assert held("ng") == (["ng"], "")
    assert held("€") == ([f"<{byte:02X}>" for byte in "€".encode()], "")
    assert held("") == ([], "")


@pytest.mark.parametrize(
    "text", ["", "d", "  ", "ri ", "on", "ton'", " dri", "o d", "  d", "vo", "   "]
)
def test_whatever_a_text_goes_on_with_its_ids_are_one_of_the_ways(text: str) -> None:
    ids, held_text = DRIVE.without_open_end(DRIVE.encode(text))
    ways = DRIVE.ways_on(held_text) if held_text else [[]]
    for more in map("".join, product(" dvreon't", repeat=3)):
        whole = DRIVE.encode(text + more)
        assert any(whole[: len(ids) + len(way)] == [*ids, *way] for way in ways), more
