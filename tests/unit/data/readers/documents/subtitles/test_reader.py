"""Subtitles as players and programs write them."""

from pathlib import Path

import pytest

from tests.unit.data.readers.documents.subtitles.cueing import srt, vtt
from tests.unit.data.reading import issues, plain, read, said, write_bytes

NAMED = (
    "its cues name who speaks; the names stand before what they say "
    "(--bot NAME makes turns of them)"
)


def read_file(folder: Path, text: str, name: str = "x.srt") -> tuple[str, dict[str, int]]:
    documents, report = read(write_bytes(folder / name, text.encode()))
    return plain(documents), issues(report)


def test_cues_are_joined_to_lines_that_end_with_a_sentence(tmp_path: Path) -> None:
    text = srt((1, 2, "It was a bright\ncold day"), (2, 3, "in April."), (3, 4, "The clocks"))
    assert read_file(tmp_path, text) == ("It was a bright cold day in April.\nThe clocks\n", {})


def test_a_pause_and_another_voice_begin_a_line(tmp_path: Path) -> None:
    text = srt((1, 2, "Once upon a time"), (9, 10, "- Who is it?\n- It is me"), (10, 11, "at last"))
    assert read_file(tmp_path, text)[0] == ("Once upon a time\n- Who is it?\n- It is me at last\n")


def test_tags_places_and_numbers_are_no_text(tmp_path: Path) -> None:
    text = (
        "\ufeff7\r\n00:00:01,000 --> 00:00:02,000 X1:100 X2:200 Y1:10 Y2:20\r\n"
        '{\\an8}<i>Hello</i> <font color="#fff">there</font>,\r\n1 &lt; 2 &amp; <3\r\n'
    )
    assert read_file(tmp_path, text) == ("Hello there, 1 < 2 & <3\n", {})


def test_a_script_without_spaces_is_a_line_a_cue(tmp_path: Path) -> None:
    assert read_file(tmp_path, srt((1, 2, "你好"), (2, 3, "我很好")))[0] == "你好\n我很好\n"


def test_blank_lines_in_a_cue_and_missing_ones_between_lose_nothing(tmp_path: Path) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nOne.\n\nTwo.\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\nThree.\n3\n00:00:03,000 --> 00:00:04,000\n1984\n"
    )
    assert read_file(tmp_path, text) == ("One.\nTwo.\nThree.\n1984\n", {})


def test_a_cue_without_its_time_goes_on_with_the_one_before(tmp_path: Path) -> None:
    text = srt((1, 2, "One.")) + "2\nTwo.\n\n" + srt((3, 4, "Three."))
    assert read_file(tmp_path, text) == ("One.\nTwo.\nThree.\n", {})


def test_tags_alone_are_no_text_of_a_cue(tmp_path: Path) -> None:
    text = srt((1, 2, "One.")) + "<i>\n\n" + srt((1.5, 3, "Two."))
    assert read_file(tmp_path, text) == ("One.\nTwo.\n", {})


def test_two_numbers_before_a_time_are_no_text(tmp_path: Path) -> None:
    assert read_file(tmp_path, "7\n" + srt((1, 2, "One.")), "x.srt") == ("One.\n", {})


def test_what_belongs_to_no_cue_is_counted(tmp_path: Path) -> None:
    text = "Made by nobody\n\n" + srt((1, 2, "Hello."))
    assert read_file(tmp_path, text) == (
        "Hello.\n",
        {"a line of subtitles that belongs to no cue": 1},
    )


def test_blocks_of_webvtt_that_are_no_cues_are_left_out(tmp_path: Path) -> None:
    text = (
        "WEBVTT - A title\n\nSTYLE\n::cue { color: red }\n\nNOTE\nby nobody\n\nREGION\nid:a\n\n"
        "intro\n01:02.500 --> 01:04.000 align:start position:0%\nHello &nbsp;<c.red>you</c>.\n"
    )
    assert read_file(tmp_path, text, "x") == ("Hello \xa0you.\n", {"a note in subtitles": 1})


blank = " "  # as the program writes it

ROLLING = f"""WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
{blank}
so<00:00:00.500><c> today</c><00:00:01.000><c> we</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
so today we
{blank}

00:00:02.010 --> 00:00:04.000 align:start position:0%
so today we
talk<00:00:02.500><c> about</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
talk about
{blank}

00:00:04.010 --> 00:00:06.000 align:start position:0%
talk about
trees<00:00:05.000><c> trees</c>
"""


def test_captions_that_roll_are_read_once(tmp_path: Path) -> None:
    assert read_file(tmp_path, ROLLING) == ("so today we talk about trees trees\n", {})
    first_cue = ROLLING[: ROLLING.index("00:00:02.000 -->")]
    assert read_file(tmp_path, first_cue) == ("so today we\n", {})


def test_lines_of_spaces_between_cues_end_them(tmp_path: Path) -> None:
    text = srt((1, 2, "One."), (2, 3, "Two.")).replace("\n\n", "\n \n")
    assert read_file(tmp_path, text) == ("One.\nTwo.\n", {})


def test_so_are_those_that_a_program_made_subrip_of(tmp_path: Path) -> None:
    text = srt(
        (0, 3, "so today we"),
        (1.5, 5, "so today we\ntalk about"),
        (3, 6, "talk about\ntrees"),
        (6, 7, "trees"),
    )
    assert read_file(tmp_path, text)[0] == "so today we talk about trees\n"


def test_a_caption_that_grows_is_read_once(tmp_path: Path) -> None:
    text = vtt((0, 2, "so"), (1, 3, "so today"), (2, 4, "so today we"))
    assert read_file(tmp_path, text)[0] == "so today we\n"


def test_what_is_said_twice_stays(tmp_path: Path) -> None:
    assert read_file(tmp_path, srt((1, 2, "No."), (2, 3, "No."), (9, 10, "No.")))[0] == "No.\n" * 3


def test_voices_stand_before_what_they_say(tmp_path: Path) -> None:
    text = vtt(
        (1, 2, "<v Ann Lee>Hello,"),
        (2, 3, "<v Ann Lee>you.</v>"),
        (3, 4, "<v.loud Ben>Hi!</v> <v Ann Lee>Bye.</v>"),
    )
    assert read_file(tmp_path, text) == (
        "Ann Lee: Hello, you.\nBen: Hi!\nAnn Lee: Bye.\n",
        {NAMED: 1},
    )


def test_names_before_a_colon_are_speakers_where_most_cues_have_one(tmp_path: Path) -> None:
    text = srt((1, 2, "ANN: Hello,"), (2, 3, "you."), (3, 4, "BEN: Hi!"), (4, 5, "ANN: At 5: tea."))
    assert read_file(tmp_path, text) == (
        "ANN: Hello, you.\nBEN: Hi!\nANN: At 5: tea.\n",
        {NAMED: 1},
    )
    text = srt(*[(number, number + 1, "Some words.") for number in range(9)], (10, 11, "Note: no."))
    assert read_file(tmp_path, text)[1] == {}


def test_a_user_and_an_assistant_are_a_conversation(tmp_path: Path) -> None:
    text = vtt((1, 2, "<v User>Hello"), (2, 3, "<v Assistant>Hi!"), (3, 4, "<v Assistant>Ask."))
    [document], _ = read(write_bytes(tmp_path / "x.vtt", text.encode()))
    assert said(document) == [("user", "Hello"), ("bot", "Hi! Ask.")]


def test_an_old_encoding_is_told_as_in_any_text(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.srt", srt((1, 2, "Déjà vu.")).encode("latin-1"))
    assert plain(read(path, encoding="latin-1")[0]) == "Déjà vu.\n"


UNENDING = [
    "a",
    "<",
    "<v ",
    "{\\",
    "&",
    "-->",
    "1\n",
    "00:00:01,000 --> 00:00:02,000\n",
    "<c.",
    "a: ",
]


@pytest.mark.parametrize("part", UNENDING)
def test_what_never_ends_takes_time_by_its_length_alone(tmp_path: Path, part: str) -> None:
    text = srt((1, 2, "Hello.")) + "2\n00:00:03,000 --> 00:00:04,000\n" + part * 100_000
    assert read_file(tmp_path, text)[0].startswith("Hello.")
