"""A file of subtitles as one text, or as the conversation of a user and an assistant.

Lines of one cue are joined, and so are cues that go on with a sentence; a sentence's end or a
pause ends a line. Where cues name who speaks, the names stand before what they say.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import document_encoding
from lumina_cli.data.readers.documents.pieces import Piece, documents_of_pieces
from lumina_cli.data.readers.documents.subtitles.cues import (
    PAUSE_S,
    Cue,
    read_cues,
    without_repeats,
)
from lumina_cli.data.readers.documents.subtitles.speech import (
    UNNAMED,
    SpokenTurn,
    named_speakers,
    spoken_turns,
)
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

KIND = "subtitles"

_MAX_TURNS = 100_000
_DASH = re.compile("[-\u2010-\u2015][ \t]*\\S")
_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "।", "؟", "♪", "]", ")", '"', "”", "»", ":")


def documents_of_subtitles(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the subtitles of a file as one text, or as a conversation of user and bot.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    encoding = document_encoding(path, config=config)
    with open_text(path, encoding=encoding) as file:
        speakers = named_speakers(read_cues(file, path=path, report=ReadReport()))
    with open_text(path, encoding=encoding) as file:
        cues = read_cues(file, path=path, report=report)
        if not speakers:
            yield from documents_of_pieces(joined_cues(cues), path=path, kind=KIND, report=report)
            return
        turns = spoken_turns(cues, speakers=speakers)
        roles = [ROLE_NAMES.get(name.lower()) for name in speakers]
        if "bot" in roles and "user" in roles:
            yield from _conversation(turns, path=path, report=report)
            return
        wording = (
            "its cues name who speaks; the names stand before what they say (--bot NAME makes "
            "turns of them)"
        )
        report.notices.add(wording, Location(path), example=", ".join(sorted(speakers)[:5])[:80])
        pieces = (Piece(_as_line(turn), turn.line) for turn in turns)
        yield from documents_of_pieces(pieces, path=path, kind=KIND, report=report)


def _as_line(turn: SpokenTurn) -> str:
    return f"{turn.text}\n" if turn.speaker == UNNAMED else f"{turn.speaker}: {turn.text}\n"


def _conversation(
    turns: Iterator[SpokenTurn], *, path: Path, report: ReadReport
) -> Iterator[LocatedDocument]:
    report.saw_row(path, KIND)
    while said := list(islice(turns, _MAX_TURNS)):
        roles = [ROLE_NAMES.get(turn.speaker.lower(), "user") for turn in said]
        messages = [Message(role, turn.text) for role, turn in zip(roles, said, strict=True)]
        yield Location(path, said[0].line), Conversation(tuple(messages))


def joined_cues(cues: Iterable[Cue]) -> Iterator[Piece]:
    """Yield the text of cues: a line ends with a sentence, a pause, or where another speaks."""
    end_s, before = 0.0, ""
    for cue in without_repeats(cues):
        for index, text in enumerate(cue.lines):
            begins = index == 0 and (
                cue.start_s - end_s > PAUSE_S or before.endswith(_SENTENCE_END) or _is_dense(before)
            )
            gap = "\n" if begins or _DASH.match(text) else " "
            yield Piece(gap + text if before else text, cue.line)
            before = text
        end_s = cue.end_s
    if before:
        yield Piece("\n")


def _is_dense(text: str) -> bool:
    """Say whether a text ends in a script that puts no space between words."""
    return bool(text) and text[-1] >= "\u2e80"
