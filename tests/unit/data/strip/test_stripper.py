from pathlib import Path

import pytest

from lumina_cli.conversation import PlainText
from lumina_cli.data.report import Issues, Location, ReadReport
from lumina_cli.data.strip.stripper import Stripper
from tests.unit.data.reading import (
    SHARED,
    issues,
    needs_shared_data,
    plain,
    read,
    said,
    write_bytes,
    write_rows,
)
from tests.unit.data.strip.test_gutenberg import BOOK, END, HEADER, LICENCE, START
from tests.unit.data.strip.test_markup import ENTRIES, PAGE, REVIEW

WHOLE = HEADER + START + BOOK + END + LICENCE
TOLD = "the licence of Project Gutenberg is learnt, too; --strip gutenberg leaves it out"
LEFT_OUT = "a licence of Project Gutenberg (--strip gutenberg)"
MAIL = "From: a@example.org\nSubject: Hi\nLines: 2\n\nHello\n"


def book(folder: Path, text: str = WHOLE) -> Path:
    return write_bytes(folder / "book.txt", text.encode())


def lines(found: Issues) -> list[int]:
    return [issue.first.line for _, issue in found]


def test_a_licence_is_told_and_learnt_unless_it_is_left_out(tmp_path: Path) -> None:
    documents, report = read(book(tmp_path))
    assert plain(documents) == WHOLE
    assert issues(report) == {TOLD: 2}
    documents, report = read(book(tmp_path), strip="gutenberg")
    assert plain(documents) == BOOK
    assert issues(report) == {LEFT_OUT: 2}


def test_a_licence_is_told_with_the_line_it_begins_on(tmp_path: Path) -> None:
    path = book(tmp_path, "One\nTwo\n" + END + LICENCE)
    for strip in ("", "gutenberg"):
        report = read(path, strip=strip)[1]
        assert lines(report.left_out) + lines(report.notices) == [3]


def test_a_file_that_is_a_licence_alone_gives_nothing(tmp_path: Path) -> None:
    other = write_bytes(tmp_path / "other.txt", b"Hello\n")
    documents, _ = read(book(tmp_path, HEADER + START + END + LICENCE), other, strip="gutenberg")
    assert documents == [PlainText("Hello\n")]


def test_a_long_text_stays_one_text(tmp_path: Path) -> None:
    long = "A line of the book.\n" * 30_000
    text = HEADER + START + long + END + LICENCE
    documents, report = read(book(tmp_path, text), strip="gutenberg,html")
    assert plain(documents) == long
    flags = [(each.starts, each.ends) for each in documents if isinstance(each, PlainText)]
    assert flags == [(True, False), *[(False, False)] * (len(flags) - 2), (False, True)]
    assert report.texts == 1


def test_tags_are_told_once_a_text_and_left_out_on_demand(tmp_path: Path) -> None:
    page = PAGE * 10_000
    documents, report = read(book(tmp_path, "\n" + page))
    assert plain(documents) == "\n" + page
    assert issues(report) == {"HTML tags are learnt, too; --strip html leaves them out": 1}
    assert lines(report.notices) == [2]
    documents, report = read(book(tmp_path, page), strip="html")
    assert "<" not in plain(documents)
    assert plain(documents).count("She went home & slept.") == 10_000
    assert issues(report) == {"a tag of HTML (--strip html)": 80_000}


def test_only_the_tags_that_were_named_are_left_out(tmp_path: Path) -> None:
    documents, report = read(book(tmp_path, ENTRIES), strip="html")
    assert plain(documents) == ENTRIES
    assert issues(report) == {"XML tags are learnt, too; --strip xml leaves them out": 1}
    assert "word 1what it means" in plain(read(book(tmp_path, ENTRIES), strip="xml")[0])


@pytest.mark.parametrize("strip", ["", "gutenberg,xml,html"])
@pytest.mark.parametrize("unusual", [REVIEW, WHOLE, MAIL, "List<int>", "Hi </3"])
def test_rows_read_many_at_a_time_are_stripped_and_told_as_alone(
    tmp_path: Path, unusual: str, strip: str
) -> None:
    rows = [{"text": f"A plain text, number {n}."} for n in range(200)]
    rows[90] = {"text": unusual}
    together, report = read(write_rows(tmp_path / "many.jsonl", rows), strip=strip)
    alone = [
        read(write_rows(tmp_path / f"{n}.jsonl", [row]), strip=strip) for n, row in [(90, rows[90])]
    ]
    assert together[90] == alone[0][0][0]
    assert issues(report) == issues(alone[0][1])
    assert set(lines(report.left_out) + lines(report.notices)) <= {91}
    assert len(together) == 200


def test_messages_lose_their_tags(tmp_path: Path) -> None:
    row = {"user": "Did you like it?", "bot": REVIEW}
    path = write_rows(tmp_path / "x.jsonl", [row])
    [document], report = read(path, strip="html")
    assert said(document)[1] == ("bot", "A good film.\n\nI liked it.")
    assert issues(report) == {"a tag of HTML (--strip html)": 2}


def test_messages_of_trees_lose_their_tags(tmp_path: Path) -> None:
    rows = [
        {"message_id": "1", "parent_id": None, "text": "Hello", "role": "prompter", "lang": "en"},
        {"message_id": "2", "parent_id": "1", "text": REVIEW, "role": "assistant", "lang": "en"},
    ]
    [document], _ = read(write_rows(tmp_path / "x.jsonl", rows), strip="html")
    assert said(document)[1] == ("bot", "A good film.\n\nI liked it.")


def test_a_mail_header_is_told(tmp_path: Path) -> None:
    [document], report = read(book(tmp_path, MAIL))
    assert document == PlainText(MAIL)
    [(wording, issue)] = report.notices
    assert "--format mail" in wording
    assert issue.first.line == 1
    [document], _ = read(book(tmp_path, MAIL), format="mail")
    assert "Lines: 2" not in str(document)


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "encoding", "num_lines_before", "num_lines_behind", "last"),
    [
        ("text/war-and-peace-pg2600-utf8.txt", "utf-8", 24, 65_701, "not\nconscious."),
        ("lang/german-verwandlung-pg22367-latin1-crlf.txt", "latin-1", 19, 1_958, "Körper dehnte."),
    ],
)
def test_real_books_lose_their_licence_and_no_line_more(
    name: str, encoding: str, num_lines_before: int, num_lines_behind: int, last: str
) -> None:
    path = SHARED / name
    text = path.read_text(encoding).removeprefix("\ufeff")
    documents, _ = read(path, encoding=encoding, strip="gutenberg")
    expected = "".join(text.split("\n", num_lines_before)[-1])
    behind = "".join(text.split("\n", num_lines_behind - 1)[-1])
    assert plain(documents).rstrip() == expected[: len(expected) - len(behind)].rstrip()
    assert plain(documents).rstrip().endswith(last)


@needs_shared_data
def test_a_real_file_of_two_books_keeps_both() -> None:
    documents, report = read(SHARED / "lang/german-faust1-utf8.txt", strip="gutenberg")
    text = plain(documents)
    assert "Heinrich!  Heinrich!" in text
    assert text.rstrip().endswith("Zieht uns hinan.")
    assert "project gutenberg" not in text.lower()
    assert lines(report.left_out) == [7010]


def test_a_text_that_has_ended_is_not_kept_to_go_on_with() -> None:
    stripper = Stripper(["html"], report=ReadReport())
    at = Location(Path("rows.jsonl"), 1)
    begun = [(at, PlainText("a" * 99, starts=True, ends=False))]
    assert list(stripper.documents(begun, in_rows=True)) == []
    assert "a" * 99 in str(stripper.state())
    rest = [(at, PlainText("b" * 99, starts=False, ends=True))]
    assert len(list(stripper.documents(rest, in_rows=True))) == 2
    kept = str(stripper.state())
    assert "aaa" not in kept
    assert "bbb" not in kept
