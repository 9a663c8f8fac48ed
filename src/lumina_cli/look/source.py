"""Where the words of a text stand in the training text."""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Speaker


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
