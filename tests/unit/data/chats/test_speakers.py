"""Who speaks in the chats of some files."""

from collections import Counter
from pathlib import Path

from lumina_cli.data.chats.speakers import (
    count_speakers,
    most_talkative,
    told_speakers,
    unknown_names,
)
from lumina_cli.data.config import DataConfig
from tests.unit.data.chats.test_archive import CHAT
from tests.unit.data.reading import GOOD, write_bytes


def test_messages_are_counted_over_all_chats(tmp_path: Path) -> None:
    files = [
        write_bytes(tmp_path / "a.txt", CHAT.encode()),
        write_bytes(tmp_path / "b.txt", (CHAT + "23.01.21, 21:07 - Ben: x\n").encode()),
        write_bytes(tmp_path / "c.jsonl", GOOD.encode()),
    ]
    assert count_speakers(files, config=DataConfig()) == {"Anna": 2, "Ben": 3}
    assert count_speakers(files, config=DataConfig(format="text")) == {}


def test_the_most_talkative_is_found_whatever_the_order() -> None:
    assert most_talkative(Counter({"Ben": 2, "Anna": 2, "…": 9})) == "Anna"
    assert most_talkative(Counter()) is None


def test_names_are_compared_without_case_and_marks() -> None:
    assert unknown_names(["anna  m", "Eve"], ["\u202aAnna M\u202c"]) == ["Eve"]


def test_many_speakers_are_told_in_few_words() -> None:
    told = told_speakers(Counter({f"P{number:02}": 100 - number for number in range(30)}))
    assert told.startswith("P00 (100), P01 (99)")
    assert told.endswith("and 18 more")
