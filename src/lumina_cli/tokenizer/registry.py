"""The kinds of tokenizers there are, and how one is stored in a file."""

from collections.abc import Iterable, Mapping
from typing import Any

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import NewerTokenizerError, Tokenizer
from lumina_cli.tokenizer.bpe.learning import check_library
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.code_points import Counts
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER

TOKENIZERS: dict[str, type[Tokenizer]] = {
    CharacterTokenizer.kind: CharacterTokenizer,
    BpeTokenizer.kind: BpeTokenizer,
}
"""By what each is called in files."""


def check_trainable(kind: str) -> None:
    """Raise UsageError where a package is missing that learns tokenizers of this kind."""
    if kind == BpeTokenizer.kind:
        check_library()


def train_tokenizer(
    texts: Iterable[str], *, counts: Counts, min_count: int, config: TokenizerConfig = CHARACTERS
) -> Tokenizer:
    """Return the tokenizer of a corpus: see `Tokenizer.train`."""
    return TOKENIZERS[config.tokenizer].train(
        texts, counts=counts, min_count=min_count, vocab_size=config.vocab_size
    )


def tokenizer_from_json(stored: object) -> Tokenizer:
    """Return the tokenizer of `Tokenizer.to_json`.

    Raises:
        NewerTokenizerError: its kind or its format is not known here.
        DataError: it is no tokenizer at all.
    """
    kind = stored.get("kind") if isinstance(stored, Mapping) else None
    if not isinstance(stored, Mapping) or not isinstance(kind, str):
        raise DataError("there is no tokenizer")
    if kind not in TOKENIZERS:
        raise NewerTokenizerError(f"this one knows no tokenizer {kind[:40]!r}")
    return TOKENIZERS[kind].from_json(stored)


def tokenizer_from_characters(characters: object) -> Tokenizer:
    """Return the tokenizer of a file that is older than other kinds, and names characters alone.

    Raises:
        DataError: these are no characters, or impossible ones.
    """
    return CharacterTokenizer.from_json({"version": 1, "characters": characters})


def vocab_size_of_base(stored: Mapping[str, Any]) -> int:
    """Return the ids of a base model, of which older checkpoints tell the characters.

    Raises:
        KeyError: it tells neither.
    """
    if "vocab_size" in stored:
        return int(stored["vocab_size"])
    return FIRST_CHARACTER + int(stored["num_characters"])
