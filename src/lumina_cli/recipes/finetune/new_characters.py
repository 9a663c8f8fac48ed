"""New characters: which the data brings, what is told of them, and their rows in the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.resize import expect_as_frequent, resize_embeddings
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.data.stats.scripts import characters_by_script

MOST_SHOWN = 24
MOST_SCRIPTS = 3

WINDOWS = 16
"""Of each text, by which it is seen how often the model expects a new character."""


@dataclass(frozen=True, slots=True)
class NewCharacters:
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
        if len(self.added) < max_new_chars:
            return [
                f"the vocabulary is full: {len(self.beyond_cap):,} characters that are frequent "
                f"enough for an id stay spelled in bytes ({shown}…)"
            ]
        return [
            f"{len(self.beyond_cap):,} characters more than {max_new_chars:,} are frequent enough "
            f"for an id and stay spelled in bytes ({shown}…): --max-new-chars "
            f"{len(self.added) + len(self.beyond_cap)} adds them"
        ]


def find_new_characters(
    corpus: Corpus, *, base_vocab_size: int, min_count: int, expands: bool
) -> NewCharacters:
    """Return what a corpus has brought to a tokenizer that had `base_vocab_size` ids."""
    added = corpus.tokenizer.added_characters(base_vocab_size)
    return NewCharacters(added, corpus.new_characters, min_count, expands)


def add_new_characters(
    loaded: ModelFile,
    *,
    corpus: Corpus,
    replay_texts: Sequence[TokenDataset],
    config: ModelConfig,
    seed: int,
) -> Transformer:
    """Return the model with rows for the new characters, and with its new window and dropout.

    Args:
        loaded: the base.
        corpus: the new text; its tokenizer is that of the base with more behind it.
        replay_texts: what was learnt before.
        config: the shape of the base, with the window and dropout to train with.
        seed: of what is random in the rows.
    """
    base = loaded.model.cpu()
    added = corpus.tokenizer.added_characters(loaded.tokenizer.vocab_size)
    generator = make_generator(seed, "growth")
    resized = resize_embeddings(base, added, tokenizer=loaded.tokenizer, generator=generator)
    counts = [corpus.new_characters[character] for character in added]
    chars = corpus.train_counts.chars + corpus.validation_counts.chars
    num_ids = round(chars / corpus.tokenizer.chars_per_id)
    length = base.config.seq_length
    expect_as_frequent(
        resized,
        [*counts, num_ids - sum(counts)],
        idx=_some_windows([corpus.train], length=length),
        old_idx=_some_windows(replay_texts, length=length) if replay_texts else None,
    )
    model = Transformer(config, vocab_size=resized.vocab_size)
    model.load_state_dict(resized.state_dict())
    return model


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


def _some_windows(texts: Sequence[TokenDataset], *, length: int) -> torch.Tensor:
    """Return ids of windows spread over texts, (B, T); T is shorter where the texts are."""
    length = min(length, max(map(len, texts)))
    long_enough = [text for text in texts if len(text) >= length]
    num_each = max(WINDOWS // len(long_enough), 1)
    windows = [
        text.slice(start, start + length).ids
        for text in long_enough
        for start in np.linspace(0, len(text) - length, num_each, dtype=int).tolist()
    ]
    return torch.from_numpy(np.stack(windows).astype(np.int64))
