"""What a line typed in a chat can mean: a message for the model, or one of the commands."""

from dataclasses import dataclass
from typing import Literal

from lumina_cli.core.inference.config import SamplerName


@dataclass(frozen=True, slots=True)
class Say:
    """A message for the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty line."""


@dataclass(frozen=True, slots=True)
class Explain:
    """A command that can't be meant, and what would be right."""

    message: str


@dataclass(frozen=True, slots=True)
class Simple:
    """A command that is one word."""

    name: Literal["exit", "clear", "help", "history", "stats", "multiline", "retry", "undo"]


@dataclass(frozen=True, slots=True)
class UseSampler:
    """Choose characters in another way from now on."""

    sampler: SamplerName


@dataclass(frozen=True, slots=True)
class SetNumber:
    """Change a number of the sampler settings, and use the sampler it belongs to, if any."""

    setting: str
    value: float | int
    sampler: SamplerName | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Ask the last question anew in other words; empty to be shown it first."""

    text: str


@dataclass(frozen=True, slots=True)
class System:
    """Set the system message; empty to be shown it, "off" to remove it."""

    text: str


@dataclass(frozen=True, slots=True)
class Teach:
    """What the last reply should have been."""

    text: str


@dataclass(frozen=True, slots=True)
class Save:
    """Write the session to a file."""

    path: str


@dataclass(frozen=True, slots=True)
class Load:
    """Go on with the session of a file."""

    path: str


@dataclass(frozen=True, slots=True)
class ShowProbs:
    """Show how sure the model was of its last reply, and so many runners-up."""

    num_top_probs: int


@dataclass(frozen=True, slots=True)
class Why:
    """Show what mattered for a character of the last reply, by default the one least sure of."""

    at: str


Command = (
    Say
    | Nothing
    | Explain
    | Simple
    | UseSampler
    | SetNumber
    | Edit
    | System
    | Teach
    | Save
    | Load
    | ShowProbs
    | Why
)
