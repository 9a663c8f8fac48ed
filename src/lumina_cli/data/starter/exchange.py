"""An exchange: what a person may ask, in several wordings, and what the bot replies.

Written exchanges and pattern families both come down to this type; the mix turns it into
conversations, and its held-out wordings into questions.
"""

import random
from dataclasses import dataclass

_STYLES = {
    "as written": 40,
    "no final mark": 15,
    "lower case": 12,
    "lower case, no final mark": 18,
    "hasty": 15,
}
"""How people type a question, and how often in a hundred."""

_HUNDRED_STYLES = tuple(style for style, share in _STYLES.items() for _ in range(share))

_AMERICAN_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its reply.

    `wordings` are learnt from, the main one first; `held_out` ones are only ever asked.
    """

    wordings: tuple[str, ...]
    reply: str
    held_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Turns that belong together: a later one may lean on those before it."""

    turns: tuple[Turn, ...]

    @property
    def is_trained(self) -> bool:
        """Whether every turn has a wording to learn from."""
        return all(turn.wordings for turn in self.turns)

    @property
    def num_wordings(self) -> int:
        """Ways to say the turn that has the most of them."""
        return max(len(turn.wordings) for turn in self.turns)


def single(wordings: tuple[str, ...], *, reply: str, held_out: tuple[str, ...] = ()) -> Exchange:
    """An exchange of one turn."""
    return Exchange((Turn(wordings, reply, held_out),))


def typed(text: str, *, rng: random.Random) -> str:
    """The text as somebody in a chat would type it: often hastily, now and then in American."""
    if rng.random() < _AMERICAN_SHARE:
        text = american(text)
    style = rng.choice(_HUNDRED_STYLES)
    if style == "hasty":
        return text.lower().rstrip(".!?").replace("'", "").replace(",", "")
    if style.startswith("lower case"):
        text = text.lower()
    return text.rstrip(".!?") if style.endswith("no final mark") else text


def american(text: str) -> str:
    """The two words of this corpus that American English spells otherwise."""
    return text.replace("colour", "color").replace("favourite", "favorite")


def question_key(text: str) -> str:
    """What stays the same however a question is typed: two texts with one key are one question."""
    kept = american(text.lower())
    for mark in ".!?,'":
        kept = kept.replace(mark, "")
    return " ".join(kept.split())
