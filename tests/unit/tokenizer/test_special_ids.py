"""The numbering of ids, which model files rely on: it may never change."""

from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special


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
