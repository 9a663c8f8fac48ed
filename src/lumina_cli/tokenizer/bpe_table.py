"""A tokenizer in the form that other programs know: byte pair encoding over whole characters."""

from collections.abc import Mapping
from dataclasses import dataclass

from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER


@dataclass(frozen=True, slots=True)
class BpeTable:
    """What another program needs to encode as a tokenizer does.

    A text is its characters, each that has no id spelled in its UTF-8 bytes. Then of all
    neighbours those that are merged first become one text, again and again. Without merges that
    is a tokenizer of characters.
    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units".

    Args:
        texts: what each id behind those of the bytes stands for, in the order of the ids.
        merges: neighbours that become one text, which is among `texts`; the first ones first.
        split_pattern: a regular expression; what it finds are the words, which no merge crosses.
            Without one the whole text is a word.
    """

    texts: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()
    split_pattern: str | None = None

    @property
    def byte_ids(self) -> range:
        """The ids of the 256 bytes, in their order."""
        return range(FIRST_BYTE, FIRST_BYTE + 256)

    @property
    def text_ids(self) -> Mapping[str, int]:
        """The texts and their ids."""
        return {text: id_ for id_, text in enumerate(self.texts, FIRST_CHARACTER)}
