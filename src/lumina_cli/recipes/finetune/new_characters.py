"""The characters that a model was given, and those it was not, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from lumina_cli.data.corpus import Corpus
from lumina_cli.data.stats.scripts import characters_by_script

MOST_SHOWN = 24
MOST_SCRIPTS = 3


@dataclass(frozen=True, slots=True)
class Newcomers:
    """The characters of the data that the base model had no id for.

    Args:
        added: those that have one now.
        counts: how often each of all stands in the data.
        min_count: one that stands less often is spelled in bytes.
        expands: whether any were to be added.
    """

    added: str
    counts: Mapping[str, int]
    min_count: int
    expands: bool

    @property
    def rare(self) -> list[str]:
        """Those too rare for an id."""
        return [c for c, count in self.counts.items() if count < self.min_count]

    @property
    def beyond_cap(self) -> list[str]:
        """Those frequent enough for which there was no room."""
        left = self.counts.keys() - set(self.added) - set(self.rare)
        return sorted(left, key=lambda character: (-self.counts[character], character))

    def __str__(self) -> str:
        if not self.counts:
            return "none: the model knows every character of the data"
        if not self.expands:
            return f"none (--no-expand-vocab): {len(self.counts):,} are spelled in bytes"
        parts = [f"{len(self.added):,} added{_shown(self.added, self.counts)}"]
        if self.rare:
            parts.append(f"{len(self.rare):,} too rare for an id, left to bytes")
        return "; ".join(parts)

    def notices(self, *, max_new_chars: int) -> list[str]:
        """Tell of characters that the cap left out."""
        if not self.expands or not self.beyond_cap:
            return []
        shown = "".join(self.beyond_cap[:MOST_SHOWN])
        return [
            f"{len(self.beyond_cap):,} characters more than {max_new_chars:,} are frequent enough "
            f"for an id and stay spelled in bytes ({shown}…): --max-new-chars "
            f"{len(self.added) + len(self.beyond_cap)} adds them"
        ]


def find_newcomers(
    corpus: Corpus, *, base_vocab_size: int, min_count: int, expands: bool
) -> Newcomers:
    """Return what a corpus has brought to a tokenizer that had `base_vocab_size` ids."""
    added = corpus.tokenizer.added_characters(base_vocab_size)
    return Newcomers(added, corpus.newcomers, min_count, expands)


def _shown(characters: str, counts: Mapping[str, int]) -> str:
    if not characters:
        return ""
    scripts = characters_by_script((character, 1) for character in characters).most_common()
    named = [f"{number:,} {script}" for script, number in scripts[:MOST_SCRIPTS]]
    if more := sum(number for _, number in scripts[MOST_SCRIPTS:]):
        named.append(f"{more:,} others")
    often = sorted(characters, key=lambda character: (-counts.get(character, 0), character))
    shown = "".join(filter(str.isprintable, often[:MOST_SHOWN]))
    return f" ({', '.join(named)}: {shown}{'…' if len(often) > MOST_SHOWN else ''})"
