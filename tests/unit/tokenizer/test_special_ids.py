"""The numbering of ids, which model files rely on: it may never change."""

from lumina_cli.tokenizer.special_ids import (
    FIRST_BYTE,
    FIRST_CHARACTER,
    Special,
    byte_of,
    is_special,
)


def test_the_special_ids_are_the_first_six_in_this_order() -> None:
    assert {special.tag: int(special) for special in Special} == {
        "<|pad|>": 0,
        "<|begin|>": 1,
        "<|system|>": 2,
        "<|user|>": 3,
        "<|bot|>": 4,
        "<|end|>": 5,
    }


def test_the_bytes_follow_and_then_the_characters() -> None:
    assert (FIRST_BYTE, FIRST_CHARACTER) == (6, 262)


def test_each_id_is_a_tag_a_byte_or_neither() -> None:
    assert [is_special(id_) for id_ in (0, 5, 6, 262)] == [True, True, False, False]
    assert [byte_of(id_) for id_ in (5, 6, 6 + 0xE2, 261, 262)] == [None, 0, 0xE2, 255, None]
