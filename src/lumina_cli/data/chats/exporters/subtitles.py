"""Subtitles of which the cues name who speaks: a turn until another speaks.

Read so where the settings say who the bot is; otherwise they are a text (`readers/documents`).
"""

import io
from collections.abc import Iterator
from pathlib import Path

from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.readers.documents.kinds import kind_of_text
from lumina_cli.data.readers.documents.subtitles.cues import read_cues
from lumina_cli.data.readers.documents.subtitles.speech import named_speakers, spoken_turns
from lumina_cli.data.report import Location, ReadReport

FORMAT = "subtitles with speakers"


def matches(sample: str) -> bool:
    """Say whether a text begins as subtitles in which speakers are named."""
    if kind_of_text(sample, suffix="") != "subtitles":
        return False
    return bool(named_speakers(read_cues(io.StringIO(sample), path=Path(), report=ReadReport())))


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the turns; what belongs to no cue is counted in the report."""
    with file.open() as text:
        speakers = named_speakers(read_cues(text, path=file.path, report=ReadReport()))
    with file.open() as text:
        cues = read_cues(text, path=file.path, report=report)
        for turn in spoken_turns(cues, speakers=speakers):
            report.saw_row(file.path, FORMAT)
            location = Location(file.path, turn.line)
            speaker = clean_name(turn.speaker)
            yield ChatMessage(speaker, turn.text, turn.start_s, location, str(file.path))
