"""Saved chats: what is written comes back, and what is no saved chat is told why."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.chat.session_file import SavedMessage, SavedSession, read_session, write_session
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import DataError, MissingInputError, OutputError


def saved(*texts: str) -> SavedSession:
    messages = tuple(
        SavedMessage(role="bot" if n % 2 else "user", text=text) for n, text in enumerate(texts)
    )
    config = SamplingConfig(temperature=1.5, stop=("x", "y"))
    return SavedSession(model="a" * 64, sampling=config, seed=7, num_drawn=3, messages=messages)


@given(st.lists(st.text(), max_size=6))
def test_any_conversation_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("chat") / "chat.json"
    write_session(path, saved(*texts))
    assert read_session(path) == saved(*texts)


def test_a_file_is_readable_json(tmp_path: Path) -> None:
    write_session(tmp_path / "chat.json", saved("hi", "höre"))
    content = json.loads((tmp_path / "chat.json").read_text(encoding="utf-8"))
    assert content["format"] == "lumina-chat"
    assert content["messages"][1] == {"role": "bot", "text": "höre"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "other"}, "format"),
        ({"version": 2}, "version"),
        ({"seed": -1}, "seed"),
        ({"messages": [{"role": "root", "text": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.text"),
        ({"messages": [{"role": "bot", "text": "x"}]}, "user and bot in turn"),
        ({"messages": "x"}, "messages"),
        ({"sampling": {"temperature": 9}}, "sampling.temperature"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, change: dict[str, object], where: str
) -> None:
    path = tmp_path / "chat.json"
    content = {**json.loads(saved("hi").model_dump_json()), **change}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="is not a saved chat") as caught:
        read_session(path)
    assert where in caught.value.message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b"1", b"[" * 100_000, b'"\\ud800"']
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a saved chat"):
        read_session(path)


MANY = 3_000_000


def a_chat_with(**values: str) -> bytes:
    """A saved chat in which some values are replaced by JSON."""
    content = {**json.loads(saved("hi").model_dump_json()), **dict.fromkeys(values, "@@")}
    text = json.dumps(content)
    for value in values.values():
        text = text.replace('"@@"', value, 1)
    return text.encode()


@pytest.mark.parametrize(
    "content",
    [
        a_chat_with(messages="[" + "[]," * MANY + "[]]"),
        a_chat_with(messages="[" + "1," * MANY + "1]"),
        a_chat_with(messages="[" + '{"role":"user","text":""},' * 200_000 + "1]"),
        a_chat_with(extra='{"' + '":1,"'.join(map(str, range(400_000))) + '":1}'),
        a_chat_with(sampling="{" + ",".join(f'"x{n}":1' for n in range(200_000)) + "}"),
        a_chat_with(sampling='{"stop":[' + '"a",' * 2_000 + '"b"]}'),
        a_chat_with(seed="9" * 1_000_000),
        a_chat_with(seed="1e999"),
        a_chat_with(seed="NaN"),
        a_chat_with(sampling='{"temperature": -Infinity}'),
        a_chat_with(seed="true"),
        a_chat_with(model='"' + "x" * 1_000_000 + '"'),
        b'{"' + b"x" * 1_000_000 + b'": 1}',
        b'"' + b'\\"' * 1_000_000,
        b"[" * 1_000_000,
    ],
    ids=range(15),
)
def test_what_would_take_memory_is_refused_in_few_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is not a saved chat") as caught:
            read_session(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(content) + 20_000_000
    finally:
        tracemalloc.stop()
    assert len(caught.value.message) < 600 + len(str(path))


def test_a_long_chat_of_many_marks_comes_back(tmp_path: Path) -> None:
    session = saved(*['{"a": [1, 2], "b": "' * 1_000 + "\\"] * 100)
    write_session(tmp_path / "chat.json", session)
    assert read_session(tmp_path / "chat.json") == session


def test_half_a_utf16_pair_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(saved("MARK").model_dump_json().replace("MARK", "\\ud800"), encoding="utf-8")
    with pytest.raises(DataError):
        read_session(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="there is no file"):
        read_session(tmp_path / "none.json")
    with pytest.raises(MissingInputError, match="not a file"):
        read_session(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_might_never_end_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull)):
        with pytest.raises(MissingInputError, match="not a file"):
            read_session(path)
        with pytest.raises(OutputError, match="is there and is not a saved chat"):
            write_session(path, saved("one"))


def test_a_chat_too_large_to_be_loaded_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(tmp_path / "chat.json", saved("x" * 5_000))
    monkeypatch.setattr("lumina_cli.chat.session_file.MAX_FILE_BYTES", 5_000)
    with pytest.raises(DataError, match="too large to be a saved chat"):
        read_session(tmp_path / "chat.json")
    with pytest.raises(OutputError, match="too long to be saved"):
        write_session(tmp_path / "other.json", saved("x" * 5_000))
    assert not (tmp_path / "other.json").exists()


def test_another_chat_is_replaced_but_no_other_file(tmp_path: Path) -> None:
    chat, notes = tmp_path / "chat.json", tmp_path / "notes.txt"
    write_session(chat, saved("one"))
    write_session(chat, saved("two"))
    assert read_session(chat) == saved("two")
    notes.write_text("dear diary", encoding="utf-8")
    with pytest.raises(OutputError, match="is not a saved chat"):
        write_session(notes, saved("one"))
    assert notes.read_text(encoding="utf-8") == "dear diary"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "notes.txt/chat.json"])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("dear diary", encoding="utf-8")
    with pytest.raises(OutputError, match="can't be written"):
        write_session(tmp_path / name, saved("one"))
    with pytest.raises(MissingInputError):
        read_session(tmp_path / name)


def test_a_forged_reply_is_read_as_it_is_shown() -> None:
    messages = saved("\x1bq", "\x1b[2Jhi\n\x9b").conversation()
    assert [message.text for message in messages] == ["\x1bq", "[2Jhi\n"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder") as caught:
        write_session(tmp_path / "no" / "chat.json", saved("one"))
    assert caught.value.hint == "Choose another name: /save FILE"


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"seed"', '"seed": 1, "seed"'),
        ('"role"', '"role": "bot", "role"'),
        ('"temperature"', '"temperature": 1, "temperature"'),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, once: str, twice: str) -> None:
    path = tmp_path / "chat.json"
    messages = (SavedMessage(role="user", text="hi"),)
    session = SavedSession(
        model="a", sampling=SamplingConfig(), seed=7, num_drawn=0, messages=messages
    )
    write_session(path, session)
    text = path.read_text(encoding="utf-8")
    assert once in text
    path.write_text(text.replace(once, twice, 1), encoding="utf-8")
    with pytest.raises(DataError, match="twice"):
        read_session(path)
