"""Who speaks in subtitles, where cues name it, and what each says until another speaks.

    <v Ann>Hello</v>      Ann: Hello      >> ANN (softly): Hello      [Ann] Hello      （アン）Hello

A cue without a name goes on with the speaker before. A dash, or `>>`, without a name is somebody
else, of whom nothing is known.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lumina_cli.data.readers.documents.subtitles.cues import Cue, without_repeats

UNNAMED = "?"
"""Stands for somebody whom no cue names."""

_MIN_SHARE_NAMED, _SHARE_ALL_NAMED = 0.3, 0.8
_FEW_CUES = 10
_MAX_NAMES = 10_000
_MAX_TURN_CUES = 10_000

_CHANGE = r"(?:>{2,3} ?|[-\u2010-\u2013](?: |(?=[^\W_]|[¿¡\"'“«\[(（♪]))|[\u2014\u2015] )"
_LETTERS = r"[^\W\d_][\w .'’\-]"
_NAME = re.compile(
    rf"{_CHANGE}?(?:(?P<name>{_LETTERS}{{0,40}}?)(?: ?\([^()]{{1,30}}\))?(?:：|:(?:[ \t]+|\Z))"
    rf"|[\[(（【](?P<enclosed>{_LETTERS}{{0,40}})[\])）】](?:[:：][ \t]*|[ \t]*(?=[^ \t])))"
)
_CHANGES = re.compile(_CHANGE)


class SpokenTurn(NamedTuple):
    """What one person says until another speaks."""

    speaker: str
    text: str
    start_s: float
    line: int


def named_speakers(cues: Iterable[Cue]) -> frozenset[str]:
    """Return who speaks in a file; nobody where cues hardly ever name someone.

    A name that comes once may be the beginning of a sentence: it counts where it is written as
    the others are, in capitals, or where nearly every cue has a name.
    """
    names: Counter[str] = Counter()
    num_cues = 0
    for cue in cues:
        num_cues += 1
        found = {name for name, _ in _spoken(cue, frozenset())} - {"", UNNAMED}
        names.update(name for name in found if name in names or len(names) < _MAX_NAMES)
    many = {name for name, count in names.items() if count > 1 or num_cues < _FEW_CUES}
    if names.total() < max(2, _MIN_SHARE_NAMED * num_cues) or len(many) < 2:
        return frozenset()
    if all(name.isupper() for name in many):
        many.update(name for name in names if name.isupper())
    elif names.total() >= _SHARE_ALL_NAMED * num_cues:
        many.update(name for name in names if name.istitle())
    return frozenset(many)


def spoken_turns(cues: Iterable[Cue], *, speakers: frozenset[str]) -> Iterator[SpokenTurn]:
    """Yield who says what, `UNNAMED` for somebody whom no cue names."""
    turn: _Turn | None = None
    for cue in without_repeats(cues):
        for name, words in _spoken(cue, speakers):
            begins = turn is None or name == UNNAMED or (name and name != turn.speaker)
            if turn is None or begins or len(turn.words) >= _MAX_TURN_CUES:
                if turn and turn.words:
                    yield turn.finished()
                turn = _Turn(name or UNNAMED, cue.start_s, cue.line, [])
            turn.words.append(words)
    if turn and turn.words:
        yield turn.finished()


@dataclass(slots=True)
class _Turn:
    speaker: str
    start_s: float
    line: int
    words: list[str]

    def finished(self) -> SpokenTurn:
        return SpokenTurn(self.speaker, " ".join(self.words), self.start_s, self.line)


def _spoken(cue: Cue, speakers: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield who says what in a cue: "" for who spoke before, `UNNAMED` for somebody else.

    Args:
        cue: the cue.
        speakers: names that count before a text; any name, where there are none.
    """
    if any(name for name, _ in cue.voices):
        yield from cue.voices
        return
    name = ""
    words: list[str] = []
    for line in cue.lines:
        begun, rest = _begun(line, speakers)
        if begun:
            if words:
                yield name, " ".join(words)
            name, words = begun, []
        if rest:
            words.append(rest)
    if words:
        yield name, " ".join(words)


def _begun(line: str, speakers: frozenset[str]) -> tuple[str, str]:
    """Return who begins to speak with a line, "" for nobody, and what is said in it."""
    found = _NAME.match(line)
    name = (found["name"] or found["enclosed"]) if found else ""
    if found and found["enclosed"] and name[0].islower():  # (sighs)
        name = ""
    if found and name and (not speakers or name in speakers):
        return name, line[found.end() :]
    change = _CHANGES.match(line)
    return (UNNAMED, line[change.end() :]) if change else ("", line)
