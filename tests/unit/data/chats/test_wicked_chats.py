"""Chats made to break a reader: work grows with the file and not with its square."""

import time
from contextlib import suppress
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.errors import LuminaError
from tests.unit.data.chats.test_archive import CHAT
from tests.unit.data.reading import write_bytes

SAID = CHAT + "23.01.21, 21:07 - Anna: "
MESSAGE = '{"id": 1, "type": "message", "date": "2021-01-23T21:05:33", "from": "A", "text": "x"}'
TELEGRAM = f'{{"name": "x", "messages": [{MESSAGE},'
DISCORD = "AuthorID,Author,Date,Content,Attachments,Reactions\n"
LINE = "2021/01/23(Sat)\n21:05\tAnna\tHi\n21:06\tBen\tHi\n"
DISCORD_TEXT = "=" * 62 + "\nGuild: a\n" + "=" * 62 + "\n\n[01/23/2021 9:05 PM] ben\nHi\n"
CUE = "1\n00:00:01,000 --> 00:00:02,000\nBen: Hi\n\n2\n00:00:02,000 --> 00:00:03,000\nAnna: Hi\n"


def ladders(size: int) -> dict[str, str]:
    """Return chats of about `size` characters, each of one thing again and again."""
    return {
        "digits.txt": CHAT + "1" * size,
        "stamps.txt": CHAT + "23.01.21, 21:05 " * (size // 16),
        "spaces.txt": CHAT + "23.01.21, 21:05 " + " " * size,
        "marks.txt": CHAT + "\u200e" * size,
        "angles.txt": SAID + " <a" * (size // 3),
        "files.txt": SAID + "a.jpg (" * (size // 7),
        "dots.txt": SAID + "a." * (size // 2),
        "at.txt": SAID + "a@" * (size // 2),
        "phones.txt": SAID + "1(-" * (size // 3),
        "names.txt": "".join(f"N{number}: a\n" for number in range(size // 8)),
        "days.txt": LINE + "2021/01/23(Sat)\n" * (size // 16),
        "times.txt": LINE + "21:05 a" * (size // 7),
        "brackets.txt": LINE + "[a] [21:05" * (size // 10),
        "headings.txt": DISCORD_TEXT + "\n[" * (size // 2),
        "stars.txt": "**a:** b\n**c:** d\n" * 9 + "*_#- " * (size // 5),
        "cues.srt": CUE + "- (a) [b] " * (size // 10),
        "open.json": TELEGRAM + '"' + "x" * size,
        "deep.json": TELEGRAM + "[" * size,
        "commas.json": TELEGRAM + "," * size,
        "quotes.csv": DISCORD + '"' * size,
        "links.json": '[{"type":"message","user":"U","ts":"1","text":"' + "<" * size + '"}]',
    }


SMALL, LARGE = 10_000, 120_000


@pytest.mark.parametrize("name", ladders(8))
def test_work_grows_with_the_chat_and_not_with_its_square(tmp_path: Path, name: str) -> None:
    def seconds(size: int) -> float:
        path = write_bytes(tmp_path / name, ladders(size)[name].encode())
        begin = time.process_time()
        with suppress(LuminaError):
            list(Documents([path], config=DataConfig(bot=("Ben",), anonymize=True)))
        return time.process_time() - begin

    few_s = max(min(seconds(SMALL), seconds(SMALL)), 0.002)
    assert seconds(LARGE) < 4 * (LARGE // SMALL) * few_s
