"""Ids to text as they come."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special
from lumina_cli.tokenizer.stream_decoder import BETWEEN_CHARACTERS, StreamDecoder, utf8_mask

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def push_bytes(decoder: StreamDecoder, spelled: bytes) -> list[str]:
    return [decoder.decode(FIRST_BYTE + byte) for byte in spelled]


def next_bytes(decoder: StreamDecoder) -> set[int]:
    mask = utf8_mask(FIRST_CHARACTER)[decoder.state]
    assert not mask[:FIRST_BYTE].any()
    return set(np.flatnonzero(mask[FIRST_BYTE:]).tolist())


def continuations() -> dict[bytes, set[int]]:
    """Return, for each beginning of a character, the bytes that any code point goes on with."""
    found: dict[bytes, set[int]] = defaultdict(set)
    for point in range(0x80, 0x110000, 16):  # the lowest and the highest of each last byte's
        for last in (point, point + 15):
            if not 0xD800 <= last <= 0xDFFF:
                spelled = chr(last).encode("utf-8")
                for length in range(1, len(spelled)):
                    found[spelled[:length]].add(spelled[length])
    return found


def _is_character(spelled: bytes) -> bool:
    try:
        spelled.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(text=TEXTS)
def test_ids_pushed_one_by_one_give_what_decode_gives(text: str) -> None:
    tokenizer = CharacterTokenizer("".join(sorted(set(text))[::2]))
    decoder = tokenizer.stream_decoder()
    pieces = [decoder.decode(id_) for id_ in tokenizer.encode(text)]
    assert "".join(pieces) == text
    assert decoder.flush() == ""


@given(ids=st.lists(st.integers(0, 264)))
def test_even_senseless_ids_stream_as_they_decode(ids: list[int]) -> None:
    decoder = StreamDecoder("abc")
    streamed = "".join(map(decoder.decode, ids)) + decoder.flush()
    assert streamed == CharacterTokenizer("abc").decode(ids)


@pytest.mark.parametrize("character", ["é", "क", "🙂"])
def test_a_character_is_held_back_until_its_last_byte(character: str) -> None:
    spelled = character.encode("utf-8")
    pieces = push_bytes(StreamDecoder(""), spelled)
    assert pieces == [""] * (len(spelled) - 1) + [character]


def test_half_a_character_before_another_is_replaced() -> None:
    decoder = StreamDecoder("a")
    assert push_bytes(decoder, b"\xe2\x82") == ["", ""]
    assert decoder.decode(262) == "\ufffda"


def test_a_special_id_ends_half_a_character() -> None:
    decoder = StreamDecoder("")
    push_bytes(decoder, b"\xf0\x9f")
    assert decoder.decode(Special.END) == "\ufffd"


def test_the_decoder_is_fresh_after_flush() -> None:
    decoder = StreamDecoder("")
    push_bytes(decoder, b"\xe2")
    assert decoder.flush() == "\ufffd"
    assert decoder.flush() == ""
    assert push_bytes(decoder, b"\xc3\xa9")[-1] == "é"


def test_between_characters_any_id_may_come() -> None:
    decoder = StreamDecoder("a")
    assert decoder.state == BETWEEN_CHARACTERS
    decoder.decode(262)
    assert decoder.state == BETWEEN_CHARACTERS
    push_bytes(decoder, "é".encode())
    assert decoder.state == BETWEEN_CHARACTERS


def test_next_bytes_span_what_the_code_points_there_are_go_on_with() -> None:
    for beginning, following in continuations().items():
        decoder = StreamDecoder("")
        push_bytes(decoder, beginning)
        assert next_bytes(decoder) == set(range(min(following), max(following) + 1)), beginning


def test_next_bytes_are_those_that_keep_two_bytes_a_beginning_of_utf8() -> None:
    beginnings = continuations()
    for first in range(0xC2, 0xF5):
        decoder = StreamDecoder("")
        push_bytes(decoder, bytes([first]))
        for second in range(256):
            spelled = bytes([first, second])
            valid = spelled in beginnings or _is_character(spelled)
            assert (second in next_bytes(decoder)) == valid, spelled


@pytest.mark.parametrize("beginning", [b"\xf0\x90\x80", b"\xf1\x80\x80", b"\xf4\x8f\xbf"])
def test_the_last_of_four_bytes_is_any_continuation(beginning: bytes) -> None:
    decoder = StreamDecoder("")
    push_bytes(decoder, beginning)
    assert next_bytes(decoder) == set(range(0x80, 0xC0))


def test_a_byte_that_begins_nothing_is_replaced_at_once() -> None:
    for byte in [*range(0x80, 0xC2), *range(0xF5, 0x100)]:
        decoder = StreamDecoder("")
        assert push_bytes(decoder, bytes([byte])) == ["\ufffd"]
        assert decoder.state == BETWEEN_CHARACTERS
