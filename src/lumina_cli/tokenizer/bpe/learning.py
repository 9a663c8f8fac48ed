"""Merges learnt from a corpus, by the library `tokenizers`: it is needed here alone.

What a model needs to run lies in its file, and is run by our own code.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lumina_cli.errors import UsageError
from lumina_cli.extras import install_command
from lumina_cli.tokenizer.bpe.pieces import MAX_PIECE_CHARS, Merge
from lumina_cli.tokenizer.bpe.words import split_words

LIBRARY = "tokenizers"

LEAST_COUNT = 2
"""Neighbours that stand side by side less often are not merged."""

_BREAK = "\0"
"""Stands between words, and in place of what is in no merge: a rare character, and itself."""


class MergeLearner:
    """Learns merges from texts, and counts their words on the way.

    Args:
        characters: those that have an id of their own; no other is in a merge.
    """

    def __init__(self, characters: str) -> None:
        self._characters = characters
        self._known = frozenset(characters) - {_BREAK}
        self.word_counts: Counter[str] = Counter()

    def learn(self, texts: Iterable[str], *, num_merges: int) -> list[Merge]:
        """Return the two halves of at most `num_merges` merges, each making a new text.

        The same texts give the same merges, in whatever order the library counts them: of
        neighbours that are equally frequent, those of the lower ids are merged first.
        """
        library = _library()
        learner = library.Tokenizer(library.models.BPE())
        learner.pre_tokenizer = library.pre_tokenizers.CharDelimiterSplit(_BREAK)
        trainer = library.trainers.BpeTrainer(
            vocab_size=len(self._characters) + num_merges,
            min_frequency=LEAST_COUNT,
            show_progress=False,
            special_tokens=[],
            initial_alphabet=list(self._characters),
            max_token_length=MAX_PIECE_CHARS,
        )
        learner.train_from_iterator(self._divided(texts), trainer)
        return list(_without_repeats(json.loads(learner.to_str())["model"]["merges"]))

    def _divided(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield texts as the library takes them: words with a break between them."""
        for text in texts:
            words = split_words(text)
            self.word_counts.update(words)
            rare = set(text) - self._known
            divided = _BREAK.join(words)
            yield divided.translate(dict.fromkeys(map(ord, rare), _BREAK)) if rare else divided


def check_library() -> None:
    """Raise UsageError where merges can't be learnt, before much else is done."""
    if find_spec(LIBRARY) is None:
        raise UsageError(
            f"--tokenizer bpe needs the package {LIBRARY} to learn from a text",
            hint=f"Install it: {install_command('bpe')}. Models run without it.",
        )


def _library() -> Any:
    check_library()
    return import_module(LIBRARY)


def _without_repeats(merges: Iterable[Merge]) -> Iterator[Merge]:
    """Yield merges that make a text which no earlier one makes: each text has one id."""
    made = set()
    for left, right in merges:
        if left + right not in made:
            made.add(left + right)
            yield left, right
