"""Subtitles in which speakers are named are turns, where the settings name the bot."""

from pathlib import Path

from tests.unit.data.readers.documents.subtitles.cueing import srt, vtt
from tests.unit.data.reading import counts, plain, read, said, write_bytes

FILM = srt(
    (1, 2, "ANNA: Hello,"),
    (2, 3, "you."),
    (3, 4, "- BEN: Hi!\n- Who is it?"),
    (4, 5, "BEN: Me."),
    (400, 401, "ANNA: Ben?"),
    (401, 402, "- Me again."),
)


def test_the_bot_speaks_and_everyone_else_is_the_user(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.srt", FILM.encode())
    [document], report = read(path, bot="ben")
    assert said(document) == [
        ("user", "Hello, you."),
        ("bot", "Hi!"),
        ("user", "Who is it?"),
        ("bot", "Me."),
    ]
    assert report.speakers == {"ANNA": 2, "BEN": 2, "?": 2}
    assert counts(report.left_out) == {"no reply follows it": 2}


def test_a_pause_begins_a_conversation(tmp_path: Path) -> None:
    cues = [(at, at + 1, f"<v {'Ben' if at % 2 else 'Anna'}>{at}") for at in (2, 3, 90, 91)]
    path = write_bytes(tmp_path / "x.vtt", vtt(*cues).encode("utf-16"))
    documents, _ = read(path, bot="Ben", gap="30s")
    assert [said(each) for each in documents] == [
        [("user", "2"), ("bot", "3")],
        [("user", "90"), ("bot", "91")],
    ]


def test_without_a_bot_or_names_they_stay_a_text(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.srt", FILM.encode())
    assert plain(read(path)[0]).startswith("ANNA: Hello, you.\nBEN: Hi!\nWho is it?\n")
    path = write_bytes(tmp_path / "y.srt", srt((1, 2, "- Hello.\n- Hi!")).encode())
    assert plain(read(path, bot="Ben")[0]) == "- Hello.\n- Hi!\n"
