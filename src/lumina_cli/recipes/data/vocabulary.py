"""Whether a vocabulary that was learnt from a text suits it."""

from collections.abc import Iterator

from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.config import TokenizerConfig, max_characters

LEAST_TIMES = 50
"""That an id should stand in the text, on average: of what is rarer a model learns little."""

OR_CHARACTERS = "or --tokenizer characters"


def vocabulary_notices(
    tokenizer: Tokenizer, *, config: TokenizerConfig, num_chars: int, place: str | None = None
) -> Iterator[str]:
    """Tell of a vocabulary that is too small or too large for a text, or smaller than asked for.

    Args:
        tokenizer: learnt from the text.
        config: by these settings.
        num_chars: of the text.
        place: where its size was asked for; None if it is the default.
    """
    if not config.has_size:
        return
    if place and tokenizer.vocab_size < config.vocab_size:
        yield (
            f"the text gives {tokenizer.vocab_size:,} ids, not {config.vocab_size:,} (from "
            f"{place}): no other characters stand side by side twice"
        )
    times = num_chars / tokenizer.chars_per_id / tokenizer.vocab_size
    if tokenizer.chars_per_id < 1:
        yield (
            f"an id stands for {tokenizer.chars_per_id:.1f} characters only: many characters are "
            f"spelled in bytes. Take a larger --vocab-size, {OR_CHARACTERS}"
        )
    elif len(tokenizer.character_ids) == max_characters(config.vocab_size):
        yield (
            f"characters take half of the {config.vocab_size:,} ids, and rarer ones are spelled in "
            f"bytes. Take a larger --vocab-size, {OR_CHARACTERS}"
        )
    elif times < LEAST_TIMES:
        yield (
            f"each of the {tokenizer.vocab_size:,} ids stands in the text {times:.0f} times on "
            f"average, too seldom to be learnt well. Take a smaller --vocab-size, {OR_CHARACTERS}"
        )
