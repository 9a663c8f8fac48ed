"""All views, several together, and their JSON."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

from lumina_cli.look.characters import CharactersView
from lumina_cli.look.heads import HeadsView
from lumina_cli.look.layers import LayersView
from lumina_cli.look.matters import MattersView
from lumina_cli.look.next_character import NextView
from lumina_cli.look.source.view import SourceView
from lumina_cli.look.surprise import SurpriseView

DIGITS = 7
"""Behind the decimal point of a number in JSON."""


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The views that tell most at first sight, of one text."""

    view: ClassVar[str] = "overview"
    surprise: SurpriseView
    next: NextView
    matters: MattersView | None
    source: SourceView | None
    notes: list[str]


View = (
    NextView
    | SurpriseView
    | MattersView
    | SourceView
    | LayersView
    | HeadsView
    | CharactersView
    | OverviewView
)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model it was."""

    name: str
    digest: str
    num_layers: int
    num_heads: int
    hidden_size: int
    seq_length: int
    vocab_size: int
    loss_on: str
    is_chatbot: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models: its own reply, and the view that was asked for."""

    model: ModelFacts
    reply: str
    shown: View


@dataclass(frozen=True, slots=True)
class CompareView:
    """Two models, or two moments of one run: same prompt, same seed, same view.

    Attributes:
        left, right: the two.
        is_identical: whether both show the same, to the last digit.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "compare"
    left: Side
    right: Side
    is_identical: bool
    notes: list[str]


def to_json(shown: View | CompareView) -> dict[str, Any]:
    """Return a view as plain values that JSON can hold; `view` names it."""
    values = _plain(shown)
    assert isinstance(values, dict)
    return values


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"view": value.view, **named} if hasattr(value, "view") else named
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return list(map(_plain, value)) if isinstance(value, list) else value
