r"""A tokenizer as llama.cpp reads it: characters by its kind `rwkv`, subwords by `gemma4`.

`rwkv` takes of all tokens that fit the longest. For characters above bytes that is exact: in UTF-8
no character begins within another. Its kind `gpt2` is not: a character is put together from its
bytes there, and where it comes to a beginning that it shares with a known one and no further, its
bytes are lost.

`gemma4` makes our merges in our order, with bytes for what has no id, but splits text into lines
alone, not into words: llama.cpp knows a fixed list of splits, and none is ours. Some texts are cut
otherwise there, into ids of the same text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from lumina_cli.errors import UsageError
from lumina_cli.export.tags import NONCHARACTER, byte_name, tag
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.special_ids import Special

SPACE = "\u2581"
"""What `gemma4` makes of a space before it looks for tokens: it can't tell the two apart."""


class TokenType(IntEnum):
    """What llama.cpp is told of a token."""

    NORMAL = 1
    CONTROL = 3
    BYTE = 6


@dataclass(frozen=True, slots=True)
class GgufVocabulary:
    """A tokenizer for llama.cpp.

    Args:
        kind: what reads it there.
        tokens: in the order of their ids.
        types: of the tokens.
        merges: the halves of each, with a space between; the first ones first.
        tag_of: gives the token of a special id.
    """

    kind: Literal["rwkv", "gemma4"]
    tokens: tuple[str, ...]
    types: tuple[TokenType, ...]
    merges: tuple[str, ...]
    tag_of: Callable[[Special], str]


def gguf_vocabulary(table: BpeTable) -> GgufVocabulary:
    """Return a tokenizer for llama.cpp.

    Raises:
        UsageError: there is none, for a character that is something else there.
    """
    return _of_subwords(table) if table.merges else _of_characters(table)


def reads_alike(text: str, theirs: str) -> bool:
    """Whether llama.cpp took a text for the same, if it cut it otherwise.

    Args:
        text: what it was given.
        theirs: what its ids stand for here.
    """
    return text.replace(SPACE, " ") == theirs


def _of_characters(table: BpeTable) -> GgufVocabulary:
    tokens = (
        *map(gguf_tag, Special),
        *(f"\\x{byte:02x}" for byte in range(len(table.byte_ids))),
        *map(_escaped, table.texts),
    )
    types = _types(table, byte_type=TokenType.NORMAL)
    return GgufVocabulary("rwkv", tokens, types, (), gguf_tag)


def _of_subwords(table: BpeTable) -> GgufVocabulary:
    if any(SPACE in text for text in table.texts):
        raise UsageError(
            f"--to gguf can't write a model of subwords with {SPACE!r} in its vocabulary: "
            "llama.cpp takes that character for a space",
            hint="Use: --to hf, --to onnx or --to web. Or train with: --tokenizer characters",
        )
    tokens = (
        *map(tag, Special),
        *map(byte_name, range(len(table.byte_ids))),
        *map(_spaced, table.texts),
    )
    types = _types(table, byte_type=TokenType.BYTE)
    merges = tuple(" ".join(map(_spaced, halves)) for halves in table.merges)
    return GgufVocabulary("gemma4", tokens, types, merges, tag)


def _types(table: BpeTable, *, byte_type: TokenType) -> tuple[TokenType, ...]:
    return (
        *(TokenType.CONTROL for _ in Special),
        *(byte_type for _ in table.byte_ids),
        *(TokenType.NORMAL for _ in table.texts),
    )


def _spaced(text: str) -> str:
    return text.replace(" ", SPACE)


def gguf_tag(special: Special) -> str:
    r"""Return how a special id is written: with a noncharacter and an escaped byte, `\xff`.

    A tag is looked for as it stands here where tags are read, and with the byte in place of its
    escape where they are not: that is no UTF-8, and so in no text.
    """
    return f"<|{NONCHARACTER}\\xff{special.name.lower()}|>"


def _escaped(text: str) -> str:
    """Return a text as llama.cpp reads it: a backslash begins an escape."""
    return text.replace("\\", "\\\\")
