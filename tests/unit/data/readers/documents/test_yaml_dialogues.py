"""Dialogues in YAML, read as events: nothing is made, nothing is run."""

from pathlib import Path

import pytest

from lumina_cli.data.readers.documents import yaml_dialogues
from lumina_cli.errors import DataError
from tests.unit.data.reading import (
    HELLO,
    SHARED,
    counts,
    issues,
    needs_shared_data,
    plain,
    read,
    said,
    write_bytes,
)

DIALOGUE = "categories:\n- greetings\nconversations:\n- - Hello\n  - Hi!\n"


def read_yaml(folder: Path, text: str, **settings: bool):  # type: ignore[no-untyped-def]
    return read(write_bytes(folder / "x.yml", text.encode()), **settings)


def test_two_speak_in_turn(tmp_path: Path) -> None:
    documents, report = read_yaml(
        tmp_path, DIALOGUE + "- - One?\n  - Two.\n  - Three?\n  - |\n    a\n    b\n"
    )
    assert [said(document) for document in documents] == [
        HELLO,
        [("user", "One?"), ("bot", "Two."), ("user", "Three?"), ("bot", "a\nb")],
    ]
    assert report.formats[tmp_path / "x.yml"] == {"yaml": 2}
    assert issues(report) == {}


def test_a_scalar_is_the_text_that_stands_there(tmp_path: Path) -> None:
    [document], _ = (
        read_yaml(tmp_path, "conversations:\n- - Is it 1963?\n  - Yes\n- - 1963\n  - 007\n")[0][:1],
        0,
    )
    assert said(document) == [("user", "Is it 1963?"), ("bot", "Yes")]


def test_a_colon_in_a_turn_is_read_as_it_stands_and_told(tmp_path: Path) -> None:
    [document], report = read_yaml(tmp_path, "conversations:\n- - Hello\n  - It is: me\n")
    assert said(document) == [("user", "Hello"), ("bot", "It is: me")]
    assert issues(report) == {"a turn with a colon is no text to YAML; it is read as it stands": 1}


def test_an_empty_turn_ends_the_conversation_and_is_counted(tmp_path: Path) -> None:
    text = DIALOGUE + "- - One?\n  - Two.\n  -\n  - Three.\n"
    documents, report = read_yaml(tmp_path, text)
    assert said(documents[1]) == [("user", "One?"), ("bot", "Two.")]
    assert issues(report) == {"an empty turn, and those behind it": 1}


def test_text_under_other_keys_is_told(tmp_path: Path) -> None:
    _, report = read_yaml(tmp_path, DIALOGUE + "stories:\n- [a, b]\n- c\n")
    assert issues(report) == {"there is text under 'stories', which is not read": 3}


def test_an_alias_stands_for_a_short_text_alone(tmp_path: Path) -> None:
    text = (
        f"conversations:\n- - &a Hello\n  - &b Hi!\n- - *a\n  - *b\n- - &c {'x' * 2000}\n  - *c\n"
    )
    documents, report = read_yaml(tmp_path, text)
    assert [said(document) for document in documents[:2]] == [HELLO, HELLO]
    assert "a turn is no text, nor are those behind it read" in counts(report.notices)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)
WICKED = [
    LAUGHS + "conversations:\n- *m\n- [*m, *m]\n- - Hello\n  - Hi!\n",
    "conversations: &a\n- *a\n- - Hello\n  - Hi!\n",
    "conversations:\n- - !!python/object/apply:os.system [exit]\n  - x\n- - Hello\n  - Hi!\n",
    "<<: &a {b: c}\nconversations:\n- {<<: *a}\n- - Hello\n  - Hi!\n",
    "conversations:\n" + "- - Hello\n  - Hi!\n" * 3 + "---\nconversations:\n- - Hello\n  - Hi!\n",
]


@pytest.mark.parametrize("text", WICKED)
def test_aliases_tags_and_merges_make_nothing(tmp_path: Path, text: str) -> None:
    documents, _ = read_yaml(tmp_path, text, allow_skips=True)
    assert said(documents[-1]) == HELLO


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- ", "? "])
def test_what_is_nested_without_end_is_refused(tmp_path: Path, bracket: str) -> None:
    with pytest.raises(DataError) as caught:
        read_yaml(tmp_path, "conversations:\n- " + bracket * 100_000)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("part", ["x", "'", '"\\', "&a ", "*a ", "!", "#", "a: ", "%", "\t", ", "])
def test_what_never_ends_takes_time_by_its_length_alone(tmp_path: Path, part: str) -> None:
    path = write_bytes(tmp_path / "x.yml", (DIALOGUE + "- - " + part * 50_000).encode())
    try:
        read(path, allow_skips=True)
    except DataError as error:
        assert "\n" not in error.message  # noqa: PT017


def test_a_line_without_end_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_dialogues, "MAX_ROW_CHARS", 1 << 17)
    with pytest.raises(DataError, match="has a line of more than 32 million characters"):
        read_yaml(tmp_path, DIALOGUE + "- - " + "x" * (1 << 18))


@pytest.mark.parametrize("text", ["- - 'Hello\n", "- - a: b: c\n", "- - @\n", "- - \x01\n"])
def test_damage_is_one_line_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="is not YAML: ") as caught:
        read_yaml(tmp_path, DIALOGUE + text)
    assert "\n" not in caught.value.message


def test_other_yaml_is_text_where_it_is_named_and_nothing_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = write_bytes(folder / "other.yml", b"name: a config\n")
    assert plain(read(path)[0]) == "name: a config\n"
    write_bytes(folder / "x.yml", DIALOGUE.encode())
    [document], report = read(folder)
    assert said(document) == HELLO
    assert counts(report.notices) == {
        "a file of the folder is not what its ending says; it is not read": 1
    }


@needs_shared_data
def test_the_corpora_of_chatterbot_are_read_as_a_whole() -> None:
    _, report = read(SHARED / "dialogue" / "chatterbot")
    files = list((SHARED / "dialogue" / "chatterbot").rglob("*.yml"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").split("\n")]
    begins = sum(line.startswith("- - ") for line in lines)
    assert len(report.formats) == len(files)
    assert report.conversations == begins
    assert report.skipped.total <= 1
