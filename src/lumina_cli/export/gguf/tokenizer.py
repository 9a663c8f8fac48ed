"""The tokenizer as llama.cpp's `rwkv` kind reads it: of all tokens that fit, the longest.

A tokenizer of merges can't be written: llama.cpp knows a fixed list of splits, and none is ours.
For characters above bytes that is exact: in UTF-8 no character begins within another. Its kind
`gpt2` is not: a character is put together from its bytes there, and where it comes to a beginning
that it shares with a known one and no further, its bytes are lost.
"""

from dataclasses import dataclass
from enum import IntEnum

from lumina_cli.errors import UsageError
from lumina_cli.export.tags import NONCHARACTER
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.special_ids import Special

KIND = "rwkv"


class TokenType(IntEnum):
    """What llama.cpp is told of a token."""

    NORMAL = 1
    CONTROL = 3


@dataclass(frozen=True, slots=True)
class GgufVocabulary:
    """Tokens in the order of their ids, and their types."""

    tokens: tuple[str, ...]
    types: tuple[TokenType, ...]


def gguf_vocabulary(table: BpeTable) -> GgufVocabulary:
    """Return a tokenizer for llama.cpp.

    Raises:
        UsageError: it merges characters.
    """
    if table.merges:
        raise UsageError(
            "--to gguf writes models of characters only: llama.cpp splits text by its own rules, "
            "and would cut some texts otherwise than this model learnt them",
            hint="Use: --to hf, --to onnx or --to web. Or train with: --tokenizer characters",
        )
    tokens = (
        *map(gguf_tag, Special),
        *(f"\\x{byte:02x}" for byte in range(len(table.byte_ids))),
        *map(_escaped, table.texts),
    )
    control = (TokenType.CONTROL,) * len(Special)
    return GgufVocabulary(tokens, (*control, *(TokenType.NORMAL,) * (len(tokens) - len(control))))


def gguf_tag(special: Special) -> str:
    r"""Return how a special id is written: with a noncharacter and an escaped byte, `\xff`.

    A tag is looked for as it stands here where tags are read, and with the byte in place of its
    escape where they are not: that is no UTF-8, and so in no text.
    """
    return f"<|{NONCHARACTER}\\xff{special.name.lower()}|>"


def _escaped(text: str) -> str:
    """Return a text as llama.cpp reads it: a backslash begins an escape."""
    return text.replace("\\", "\\\\")
