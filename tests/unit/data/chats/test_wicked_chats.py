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
