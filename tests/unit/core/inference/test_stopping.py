"""A text ends where it should, and nothing of a stop text is ever seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.inference.stopping import GenerationChunk, StopChecker
from lumina_cli.tokenizer.special_ids import Special


def said(text: str, *, max_chars: int = 1000, stop: tuple[str, ...] = ()) -> list[str]:
    """What comes out after each character of `text`, until the end."""
    ending = StopChecker(max_chars=max_chars, stop=stop)
    out = []
    for character in text:
        out.append(
            "".join(chunk.text for chunk in ending.push(GenerationChunk(character, 300, -1.0)))
        )
        if ending.reached:
            break
    return out


def test_without_a_limit_every_chunk_comes_at_once() -> None:
    assert said("abc") == ["a", "b", "c"]


def test_the_text_ends_after_max_chars() -> None:
    assert said("abcdef", max_chars=3) == ["a", "b", "c"]


def test_the_end_of_turn_ends_the_text_and_is_its_last_chunk() -> None:
    ending = StopChecker(max_chars=10)
    end = GenerationChunk("", Special.END, -0.5)
    assert ending.push(end) == [end]
    assert ending.reached


def test_what_may_become_a_stop_text_is_held_back_until_it_does_not() -> None:
    assert said("a\nbU", stop=("\nUser",)) == ["a", "", "\nb", "U"]


def test_a_stop_text_is_not_seen() -> None:
    assert said("hi\nUser: x", stop=("\nUser",)) == ["h", "i", "", "", "", "", ""]


def test_what_was_held_back_comes_when_the_text_ends_otherwise() -> None:
    assert said("a\nUs", stop=("\nUser",), max_chars=4) == ["a", "", "", "\nUs"]


def test_a_stop_text_that_begins_within_another_beginning_is_found() -> None:
    assert "".join(said("aababx", stop=("abab",))) == "a"


def test_the_bytes_of_a_character_count_as_one() -> None:
    ending = StopChecker(max_chars=1)
    for id_ in (200, 201):
        assert ending.push(GenerationChunk("", id_, -1.0)) == [GenerationChunk("", id_, -1.0)]
        assert not ending.reached
    assert ending.push(GenerationChunk("€", 202, -1.0)) == [GenerationChunk("€", 202, -1.0)]
    assert ending.reached


@given(
    text=st.text(alphabet="ab\n", max_size=30),
    stop=st.lists(st.text(alphabet="ab\n", min_size=1, max_size=4), max_size=3),
    max_chars=st.integers(1, 30),
)
def test_the_text_is_all_before_the_first_stop_text(
    text: str, stop: list[str], max_chars: int
) -> None:
    """By a second method: the shortest beginning that holds a stop text, cut before it."""
    expected = text[:max_chars]
    for length in range(1, len(expected) + 1):
        starts = [text[:length].find(s) for s in stop if s in text[:length]]
        if starts:
            expected = text[: min(starts)]
            break
    else:  # never stopped: what could still become a stop text may be held back
        if len(text) < max_chars:
            assert expected.startswith("".join(said(text, stop=tuple(stop), max_chars=max_chars)))
            return
    assert "".join(said(text, stop=tuple(stop), max_chars=max_chars)) == expected


@pytest.mark.parametrize("stop", [("x",), ("x", "xyz"), ("zzz", "x")])
def test_the_first_stop_text_to_come_ends_it(stop: tuple[str, ...]) -> None:
    assert "".join(said("abxyzzz", stop=stop)) == "ab"


def said_in_pieces(*texts: str, max_chars: int = 1000, stop: tuple[str, ...] = ()) -> list[str]:
    ending = StopChecker(max_chars=max_chars, stop=stop)
    out = []
    for number, text in enumerate(texts):
        out += [piece.text for piece in ending.push(GenerationChunk(text, 300 + number, -1.0))]
        if ending.reached:
            break
    return out


def test_the_last_piece_is_cut_where_the_text_ends() -> None:
    assert said_in_pieces("the", " cat", " sat", max_chars=5) == ["the", " c"]
    assert said_in_pieces("the", " cat", " sat", max_chars=3) == ["the"]


def test_a_piece_is_cut_before_a_stop_text_that_begins_within_it() -> None:
    assert said_in_pieces("a cat", " sa", "t.", stop=("t s",)) == ["a ca"]
    assert said_in_pieces("a", " cat", stop=("c",)) == ["a", " "]
    assert said_in_pieces("ab", "cd", stop=("abc",)) == []


def test_a_stop_text_beyond_the_longest_text_does_not_count() -> None:
    assert said_in_pieces("abcd", max_chars=2, stop=("cd",)) == ["ab"]


PIECES = st.lists(st.text("ab", min_size=1, max_size=3), max_size=8)


@given(pieces=PIECES, max_chars=st.integers(1, 12), stop=st.text("ab", min_size=1, max_size=3))
def test_how_a_text_is_cut_in_pieces_changes_nothing(
    pieces: list[str], max_chars: int, stop: str
) -> None:
    end = "\n"  # so that what is held back comes
    in_pieces = "".join(said_in_pieces(*pieces, end * 20, max_chars=max_chars, stop=(stop,)))
    one_by_one = "".join(said("".join(pieces) + end * 20, max_chars=max_chars, stop=(stop,)))
    assert in_pieces == one_by_one


@pytest.mark.parametrize(
    ("text", "stop", "max_chars", "max_ids", "reason"),
    [
        ("abc", (), 3, None, "length"),
        ("abc", (), 9, 2, "length"),
        ("abc", ("c",), 9, 3, "stop"),
        ("ab\0", (), 9, 3, "stop"),
        ("ab", (), 9, 3, None),
    ],
)
def test_why_a_text_ended_is_told(
    text: str, stop: tuple[str, ...], max_chars: int, max_ids: int | None, reason: str | None
) -> None:
    """A NUL stands for <|end|>."""
    ending = StopChecker(max_chars=max_chars, stop=stop, max_ids=max_ids)
    for character in text:
        if not ending.reached:
            is_end = character == "\0"
            ending.push(GenerationChunk("" if is_end else character, 5 if is_end else 300, -1.0))
    assert ending.finish_reason == reason


def test_bytes_count_as_ids() -> None:
    ending = StopChecker(max_chars=9, max_ids=2)
    ending.push(GenerationChunk("", 200, -1.0))
    assert not ending.reached
    ending.push(GenerationChunk("", 201, -1.0))
    assert ending.finish_reason == "length"
