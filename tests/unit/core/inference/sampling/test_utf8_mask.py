"""What may come next, against Python's own UTF-8 decoder."""

import pytest

from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special

ABC = CharacterTokenizer("abc")


def allowed_after(text_so_far: bytes) -> set[int]:
    decoder = ABC.stream_decoder()
    for byte in text_so_far:
        decoder.decode(FIRST_BYTE + byte)
    bias = Utf8Mask(ABC).bias([decoder.state])[0].tolist()
    assert set(bias) <= {0.0, float("-inf")}
    return {id_ for id_, value in enumerate(bias) if value == 0}


def can_become_text(begun: bytes) -> bool:
    """Whether some bytes after `begun` make it valid UTF-8, by trying."""
    tails = [b"", b"\x80", b"\xbf", b"\x80\x80", b"\xbf\xbf", b"\x80\x80\x80", b"\x90\x80\x80"]
    tails += [b"\xa0\x80", b"\x90\x80", b"\x8f\x80\x80"]
    for tail in tails:
        try:
            (begun + tail).decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


BEGUN = [b"", b"\xc2", b"\xdf", b"\xe0", b"\xe1", b"\xed", b"\xef", b"\xf0", b"\xf3", b"\xf4"]
BEGUN += [b"\xe2\x82", b"\xed\x9f", b"\xf0\x9f", b"\xf4\x8f", b"\xf0\x9f\x98"]


@pytest.mark.parametrize("begun", BEGUN, ids=bytes.hex)
def test_a_byte_may_come_exactly_where_it_can_become_text(begun: bytes) -> None:
    bytes_ = {b for b in range(256) if can_become_text(begun + bytes([b]))}
    assert {id_ - FIRST_BYTE for id_ in allowed_after(begun) if id_ < FIRST_CHARACTER} - {
        Special.END - FIRST_BYTE
    } == bytes_


def test_between_characters_the_turn_may_end_and_every_character_come() -> None:
    allowed = allowed_after(b"")
    assert Special.END in allowed
    assert set(range(FIRST_CHARACTER, ABC.vocab_size)) <= allowed


def test_other_special_ids_are_never_said() -> None:
    special = set(Special) - {Special.END}
    assert not any(special & allowed_after(begun) for begun in BEGUN)


@pytest.mark.parametrize("begun", [b"\xc2", b"\xe2\x82", b"\xf0\x9f\x98"], ids=bytes.hex)
def test_within_a_character_neither_the_end_nor_a_character_may_come(begun: bytes) -> None:
    assert all(FIRST_BYTE <= id_ < FIRST_CHARACTER for id_ in allowed_after(begun))


def test_each_text_of_a_batch_has_its_own_bias() -> None:
    valid_text = Utf8Mask(ABC)
    both = valid_text.bias([0, 5])
    assert both[0].equal(valid_text.bias([0])[0])
    assert both[1].equal(valid_text.bias([5])[0])
    assert not both[0].equal(both[1])
