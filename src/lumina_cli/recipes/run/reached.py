"""What the loss of a run means: beside what counting letters in its text would reach."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import StopReason
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.data.stats.beginnings import usual_beginning
from lumina_cli.data.stats.ngrams import CountingLoss, counting_loss
from lumina_cli.tokenizer.special_ids import is_special

TRAIN_CHARS, HELD_OUT_CHARS = 40_000, 5_000
"""Counted, and predicted by the counts: a third of a second."""
NUM_CHUNKS = 8
LEAST_CHARS = 500
"""Of either text, for a comparison that means something."""
MIDDLE = (0.25, 0.75)
"""Of a book, where its licence and its contents are not."""

LETTERS_SHARE = 0.97
"""Of the loss of counting letters: above, not even these are learnt."""
WORDS_SHARE, PHRASES_SHARE = 0.9, 0.75
"""Of the loss of counting what follows four characters: below, most words are spelled, and depend
on each other. Samples invented nearly every word at 1.02 of it (conversations in many languages,
2.32 nats); every fifth at 0.86 (Faust, 1.80) and 0.84 (the conversations, 1.91); every 25th to 30th
at 0.80 (Shakespeare in subwords, 1.65), 0.78 (English dialogues, 1.21) and 0.77 (the conversations,
1.74), with sentences of no sense; none at 0.71 (Shakespeare, 1.46). A Japanese novel had whole
sentences, of no sense, from 0.85 (3.70) to 0.77 (3.36)."""

Level = Literal["nothing", "letters", "syllables", "words", "phrases"]


@dataclass(frozen=True, slots=True)
class Reached:
    """What a model has learnt so far, and how its run can be gone on with.

    Args:
        level: in a word; None where that can't be said.
        is_conversation: whether it learnt from conversations.
        first_words: that sentences of its text begin with.
        longer: flags for twice the run; empty where more of the same would not help.
    """

    level: Level | None
    is_conversation: bool
    first_words: str
    longer: str


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What a loss on a text is to be compared with, in nats a character.

    Args:
        guessing: the loss where each of `num_ids` ids is as likely as any other.
        counting: the loss of counting in the text; None where it is too short for that.
    """

    num_ids: int
    chars_per_id: float
    guessing: float
    counting: CountingLoss | None


def landmarks(corpus: Corpus) -> Landmarks:
    """Return what the loss of a model of a text is to be compared with: a third of a second."""
    tokenizer = corpus.tokenizer
    return Landmarks(
        num_ids=tokenizer.vocab_size,
        chars_per_id=tokenizer.chars_per_id,
        guessing=math.log(tokenizer.vocab_size) / tokenizer.chars_per_id,
        counting=_counted(corpus),
    )


def what_was_reached(
    nats_per_char: float | None,
    *,
    corpus: Corpus,
    config: TrainingConfig,
    reason: StopReason,
    counting: CountingLoss | None,
) -> Reached:
    """Return what a run came to, from its loss on validation text beside that of counting."""
    return Reached(
        level=None if nats_per_char is None or counting is None else level(nats_per_char, counting),
        is_conversation=bool(corpus.train_counts.conversations),
        first_words=_first_words(corpus.train),
        longer=_longer(config, reason),
    )


def level(nats_per_char: float, counted: CountingLoss) -> Level:
    """Return what a loss means on a text."""
    pairs = min(counted.pairs, counted.letters)
    words = min(counted.words, pairs)
    if nats_per_char >= LETTERS_SHARE * counted.letters:
        return "nothing"
    if nats_per_char >= pairs:
        return "letters"
    if nats_per_char >= WORDS_SHARE * words:
        return "syllables"
    return "words" if nats_per_char >= PHRASES_SHARE * words else "phrases"


def _counted(corpus: Corpus) -> CountingLoss | None:
    train = _text(corpus.train, TRAIN_CHARS)
    held_out = _text(corpus.validation, HELD_OUT_CHARS)
    if min(len(train), len(held_out)) < LEAST_CHARS:
        return None
    return counting_loss(train, held_out)


def _text(
    dataset: TokenDataset, num_chars: int, *, within: tuple[float, float] = (0.0, 1.0)
) -> str:
    """Return some of the text that counts in the loss, from all over it or a part of it."""
    length = round(num_chars / dataset.tokenizer.chars_per_id / NUM_CHUNKS)
    first, stop = (round(len(dataset) * share) for share in within)
    last = max(stop - length, first)
    starts = sorted({round(start) for start in np.linspace(first, last, NUM_CHUNKS)})
    texts = []
    for start, end in zip(starts, [*starts[1:], stop], strict=True):
        masked = dataset.slice(start, min(start + length, end))
        counting = masked.ids[masked.in_loss].tolist()
        texts.append(dataset.tokenizer.decode(id_ for id_ in counting if not is_special(id_)))
    return "".join(texts)


def _first_words(dataset: TokenDataset) -> str:
    """Return how sentences begin in the text, apart from licences and lists around it."""
    middle = usual_beginning(_text(dataset, TRAIN_CHARS, within=MIDDLE))
    words = middle or usual_beginning("\n" + _text(dataset, TRAIN_CHARS))
    return words if words.isprintable() else ""


def _longer(config: TrainingConfig, reason: StopReason) -> str:
    """Return the flags of a run twice as long as one that ended as planned."""
    limits = {"epochs": config.epochs, "max_steps": config.max_steps, "minutes": config.minutes}
    limit = limits.get(reason)
    return f"--{reason.replace('_', '-')} {2 * limit:g}" if limit else ""
