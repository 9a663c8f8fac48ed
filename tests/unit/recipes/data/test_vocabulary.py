"""Whether a vocabulary of subwords suits a text."""

import pytest

from lumina_cli.recipes.data.vocabulary import vocabulary_notices
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig

LETTERS = "abcdefghijklmnopqrst"


def notices(
    *, vocab_size: int, num_merges: int, num_chars: int, chars_per_id: float = 2.0, place: str = ""
) -> list[str]:
    pairs = [(left, right) for left in LETTERS for right in LETTERS]
    tokenizer = BpeTokenizer(LETTERS, pairs[:num_merges], chars_per_id=chars_per_id)
    config = TokenizerConfig(tokenizer="bpe", vocab_size=vocab_size)
    found = vocabulary_notices(tokenizer, config=config, num_chars=num_chars, place=place)
    return list(found)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"num_merges": 60, "vocab_size": 342, "num_chars": 100_000}, None),
        (  # 20 characters of 302 - 262 ids: the rest of them is spelled in bytes
            {"num_merges": 20, "vocab_size": 302, "num_chars": 100_000},
            "characters take half of the 302 ids",
        ),
        (
            {"num_merges": 20, "vocab_size": 302, "num_chars": 100_000, "chars_per_id": 0.5},
            "an id stands for 0.5 characters only",
        ),
        (  # 342 ids in 17,000 / 2 places
            {"num_merges": 60, "vocab_size": 342, "num_chars": 17_000},
            "each of the 342 ids stands in the text 25 times on average",
        ),
        (
            {"num_merges": 60, "vocab_size": 900, "num_chars": 100_000, "place": "--vocab-size"},
            "the text gives 342 ids, not 900 (from --vocab-size)",
        ),
        ({"num_merges": 60, "vocab_size": 900, "num_chars": 100_000}, None),
    ],
)
def test_a_vocabulary_that_does_not_suit_its_text_is_told(
    given: dict[str, int], told: str | None
) -> None:
    found = notices(**given)  # type: ignore[arg-type]
    assert [line[: len(told or "")] for line in found] == ([told] if told else [])


def test_the_vocabulary_of_characters_always_suits() -> None:
    tokenizer = BpeTokenizer("ab", [])
    assert not [
        *vocabulary_notices(tokenizer, config=CHARACTERS, num_chars=3, place="--vocab-size")
    ]
