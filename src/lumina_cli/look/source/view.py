"""Where the words of a text stand in the training text, and how much that says.

n code points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.look.pieces import Speaker
from lumina_cli.look.source.code_points import (
    FIRST_TAG,
    CodePointTable,
    Window,
    code_points,
    shown,
    speaker_before,
    window_at,
    windows,
)
from lumina_cli.look.source.search import Run, Stretches, longest_spans, shared_runs
from lumina_cli.look.source.unseen import unseen_texts
from lumina_cli.tokenizer.base import Tokenizer

MIN_CHARS = 16
MOST_ASKED = 4_000
"""Characters; of a longer text the end is looked for."""

MOST_SPANS, MOST_PLACES = 20, 3
SURROUNDINGS = 60
MIN_UNSEEN = 5
"""Texts that a baseline needs."""

COPIED = (
    "To stand in the training text is not yet to be copied: common phrases stand everywhere. "
    "Compare with what a text that it never saw would have."
)
UNKNOWN = "Nothing can be told of where it comes from: the training text is not at hand."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span stands in the training text, and what stands around it there."""

    before: str
    after: str
    speaker: Speaker


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that stands word for word in the training text, as long as it can be.

    Attributes:
        start, end: of it in the characters of `SourceView.asked`; `end` is behind it.
        text: the stretch.
        num_found: how often it stands there.
        places: some of them.
    """

    start: int
    end: int
    text: str
    num_found: int
    places: list[Place]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The same figures for texts that the model never learnt from, of about the same length.

    Attributes:
        share: mean share of their characters that stand in a span.
        whole_share: share of them that stand there whole.
        num_texts: how many were looked up.
    """

    share: float
    whole_share: float
    num_texts: int


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where the words of a text stand in the training text.

    Attributes:
        asked: the text that was looked for, one turn: tags are no part of it.
        speaker: whose words it is.
        is_known: whether the training text is at hand; if not, nothing is known.
        why_unknown: why not, empty where it is.
        min_chars: a stretch counts from this length on, or if it is the whole text.
        spans: those found, in the order of their starts; they may overlap.
        share: share of the characters of `asked` that stand in a span; None if unknown.
        is_whole: whether `asked` stands there as one; None if unknown.
        baseline: None where there is no text to compare with.
        num_chars: characters of training text that were looked through.
        names: of the training text.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "source"
    asked: str
    speaker: Speaker
    is_known: bool
    why_unknown: str
    min_chars: int
    spans: list[Span]
    share: float | None
    is_whole: bool | None
    baseline: Baseline | None
    num_chars: int
    names: list[str]
    notes: list[str]


class TrainingText(NamedTuple):
    """What a model learnt from, as far as it is at hand.

    Attributes:
        train: texts to look in.
        validation: texts that it never saw.
        names: of the files.
        why_unknown: why there is nothing to look in, empty where there is.
    """

    train: Sequence[TokenDataset]
    validation: Sequence[TokenDataset]
    names: Sequence[str]
    why_unknown: str = ""


class _Found(NamedTuple):
    """A shared stretch, and the window of which text it begins in."""

    text: TokenDataset
    window_start: int
    run: Run


def find_source(
    asked: str, training: TrainingText, *, tokenizer: Tokenizer, speaker: Speaker
) -> SourceView:
    """Return where the words of a text stand in the training text.

    Args:
        asked: one turn, or a plain text.
        training: where to look.
        tokenizer: that of the model.
        speaker: whose words they are, to compare with others of the same.
    """
    asked = asked[-MOST_ASKED:]
    min_chars = max(1, min(MIN_CHARS, len(asked)))
    why = training.why_unknown or ("" if asked else "there are no words to look for")
    if why:
        names, notes = list(training.names), [UNKNOWN] if training.why_unknown else []
        return SourceView(
            asked, speaker, False, why, min_chars, [], None, None, None, 0, names, notes
        )
    points, table = code_points(asked), CodePointTable(tokenizer)
    unseen = unseen_texts(training.validation, table, speaker=speaker, num_chars=len(points))
    stretches = Stretches([points, *unseen], min_chars)
    whole = Stretches([points, *unseen], len(points))
    found, num_chars = [], 0
    for text, window in _windows(training.train, table, overlap=len(points)):
        num_chars += int((window.points[: window.num_own] < FIRST_TAG).sum())
        whole.meet(window.points, num_own=window.num_own)
        stretches.meet(window.points, num_own=window.num_own)
        runs = shared_runs(points, window.points, k=min_chars, num_own=window.num_own)
        found += [_Found(text, window.start, run) for run in runs]
    return SourceView(
        asked=asked,
        speaker=speaker,
        is_known=True,
        why_unknown="",
        min_chars=min_chars,
        spans=_spans(asked, found, table),
        share=float(stretches.covered(0).mean()),
        is_whole=bool(whole.covered(0).all()),
        baseline=_baseline(stretches, whole, num_unseen=len(unseen)),
        num_chars=num_chars,
        names=list(training.names),
        notes=[COPIED],
    )


def _windows(
    texts: Sequence[TokenDataset], table: CodePointTable, *, overlap: int
) -> Iterator[tuple[TokenDataset, Window]]:
    for text in texts:
        for window in windows(text, table, overlap=overlap):
            yield text, window


def _spans(asked: str, found: Sequence[_Found], table: CodePointTable) -> list[Span]:
    spans = []
    for start, end in longest_spans([each.run for each in found]):
        own = [f for f in found if f.run.asked <= start and end <= f.run.asked + f.run.length]
        places = [_place(each, start, end, table) for each in own[:MOST_PLACES]]
        spans.append(Span(start, end, asked[start:end], len(own), places))
    longest = sorted(spans, key=lambda span: span.start - span.end)[:MOST_SPANS]
    return sorted(longest, key=lambda span: span.start)


def _place(found: _Found, start: int, end: int, table: CodePointTable) -> Place:
    points = window_at(found.text, table, found.window_start, overlap=end + SURROUNDINGS).points
    first = found.run.place + start - found.run.asked
    behind = first + end - start
    return Place(
        shown(points[max(0, first - SURROUNDINGS) : first]),
        shown(points[behind : behind + SURROUNDINGS]),
        speaker_before(points[:first]),
    )


def _baseline(stretches: Stretches, whole: Stretches, *, num_unseen: int) -> Baseline | None:
    if num_unseen < MIN_UNSEEN:
        return None
    texts = range(1, 1 + num_unseen)
    return Baseline(
        share=sum(float(stretches.covered(n).mean()) for n in texts) / num_unseen,
        whole_share=sum(bool(whole.covered(n).all()) for n in texts) / num_unseen,
        num_texts=num_unseen,
    )
