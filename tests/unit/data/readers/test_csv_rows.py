"""Tables as text: columns by their names, whatever divides them."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import PlainText
from lumina_cli.data.readers import delimited
from lumina_cli.errors import DataError, MissingInputError
from tests.unit.data.reading import counts, read, said, write_bytes

HELLO = [("user", "Hello, you"), ("bot", 'Hi!\n"How" are you?')]


def table(path: Path, rows: list[list[str]], *, delimiter: str = ",", end: str = "\r\n") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return write_bytes(path, text.getvalue().encode())


@pytest.mark.parametrize(
    "header",
    [
        ["prompt", "response"],
        ["Question", " Answer "],
        ["\ufeffuser", "bot"],
        ["instruction", "output"],
        ["Human", "AI answer", "assistant"],
    ],
    ids=str,
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_known_columns_are_conversations(
    tmp_path: Path, header: list[str], delimiter: str, end: str
) -> None:
    row = [HELLO[0][1], *[""] * (len(header) - 2), HELLO[1][1]]
    name = "x.tsv" if delimiter == "\t" else "x.csv"
    documents, report = read(
        table(tmp_path / name, [header, row, row], delimiter=delimiter, end=end)
    )
    assert [said(document) for document in documents] == [HELLO, HELLO]
    assert report.skipped.total == 0
    assert report.rows == 2


def test_a_column_of_text_is_documents(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", [["id", "text"], ["1", "one"], ["2", "two, three"]])
    assert read(path)[0] == [PlainText("one"), PlainText("two, three")]


def test_a_table_may_be_packed_and_stand_in_a_folder(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", [["user", "bot"], ["a", "b"]])
    write_bytes(tmp_path / "y.csv.gz", gzip.compress(path.read_bytes()))
    assert len(read(tmp_path)[0]) == 2


def test_columns_that_are_not_read_are_told(tmp_path: Path) -> None:
    rows = [["user", "bot", "thoughts"], ["a", "b", "let me think of it"]]
    _, report = read(table(tmp_path / "x.csv", rows))
    assert [f"{issue.first}" for _, issue in report.notices] == [f"{tmp_path / 'x.csv'}:2"]


@pytest.mark.parametrize("text", ["Hello,Hi there\nBye,See you\n", "one column\nof words\n"])
def test_a_table_without_known_columns_is_refused_with_their_names(
    tmp_path: Path, text: str
) -> None:
    path = write_bytes(tmp_path / "x.csv", text.encode())
    with pytest.raises(DataError) as refusal:
        read(path)
    assert text.partition("\n")[0].lower().replace(",", ", ") in str(refusal.value)
    assert "--columns" in refusal.value.hint
    assert read(path, format="text")[0] == [PlainText(text)]


def test_a_table_of_a_folder_without_known_columns_is_passed_over_and_told(
    tmp_path: Path,
) -> None:
    table(tmp_path / "about.csv", [["name", "size"], ["x", "1"]])
    table(tmp_path / "talks.csv", [["user", "bot"], ["a", "b"]])
    documents, report = read(tmp_path)
    assert len(documents) == 1
    assert [str(issue.first) for _, issue in report.notices] == [str(tmp_path / "about.csv")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a", "its bot is missing"),
        ("a,", "its bot is missing"),
        ("a,b,c", "it has more fields than the first line names"),
    ],
)
def test_a_bad_line_is_skipped_and_counted_where_it_begins(
    tmp_path: Path, line: str, reason: str
) -> None:
    good = 'a,"b\nb"\n' * 30
    path = write_bytes(tmp_path / "x.csv", f"user,bot\n{good}\n{line}\na,b,,\n".encode())
    documents, report = read(path)
    assert len(documents) == 31
    [(wording, issue)] = report.skipped
    assert (wording, issue.first.line) == (reason, 63)


def test_a_quote_that_is_not_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.csv", b'user,bot\na,b\nc,"d\ne,f\n' * 3)
    text = path.read_bytes() + b'x,"y\n'
    with pytest.raises(DataError, match=r"x\.csv:\d+ .* quote"):
        read(write_bytes(path, text))


def test_a_field_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_ROW_CHARS", 1000)
    path = write_bytes(tmp_path / "x.csv", b"user,bot\na,b\nc," + b"x" * 2000 + b"\n")
    with pytest.raises(DataError, match=r"x\.csv:3"):
        read(path)
    path = write_bytes(tmp_path / "x.csv", b'user,bot\na,b\nc,"' + b"x\n" * 2000)
    with pytest.raises(DataError, match=r"x\.csv:3"):
        read(path)


def test_a_table_with_a_header_alone_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read(write_bytes(tmp_path / "x.csv", b"user,bot\n"))


def test_messages_of_trees_may_stand_in_a_table(tmp_path: Path) -> None:
    rows = [
        ["message_id", "parent_id", "role", "text", "rank", "deleted"],
        ["c", "a", "assistant", "second", "1", "False"],
        ["b", "a", "assistant", "first", "0", "False"],
        ["a", "", "prompter", "Hello", "", "False"],
    ]
    [document], _ = read(table(tmp_path / "x.csv", rows))
    assert said(document) == [("user", "Hello"), ("bot", "first")]


CELL = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])).filter(
    lambda text: bool(text.strip())
)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_what_the_standard_writer_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "pairs.csv"
    rows = [["user", "bot"], *map(list, pairs)]
    documents, report = read(table(path, rows, end="\n"))
    assert counts(report.skipped) == {}
    assert [tuple(text for _, text in said(document)) for document in documents] == pairs


def write_lines(path: Path, *lines: str) -> Path:
    return write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


@pytest.mark.parametrize("delimiter", ["\t", "|"])
@pytest.mark.parametrize(
    "row",
    [
        ['"Tis the season', "Indeed it is"],
        ["Who said it?", '"Well, I did'],
        ['"Quoted" at the start', "and then not"],
        ['""Twice"" quoted', '"Once"d'],
        ['say 5"', '"'],
    ],
    ids=str,
)
def test_a_quote_swallows_no_row_where_fields_are_mostly_unquoted(
    tmp_path: Path, delimiter: str, row: list[str]
) -> None:
    rows = [["user", "bot"], ["a", "b"], row, ["c", "d"], ["e", 'says "f"'], ['"g', "h"]]
    path = write_lines(tmp_path / "x.tsv", *map(delimiter.join, rows))
    documents, report = read(path)
    assert [[text for _, text in said(document)] for document in documents] == rows[1:]
    assert report.notices[
        "a quote begins a field and none ends it; it is read as text like any other"
    ]


@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_quoted_fields_over_lines_come_back_whole(tmp_path: Path, delimiter: str) -> None:
    rows = [["user", "bot"], ["a\nb", 'c\n"d"\n\ne'], ["x", f"y{delimiter}z"], ["1", "2"]]
    documents, report = read(table(tmp_path / "x.tsv", rows, delimiter=delimiter, end="\n"))
    assert [[text for _, text in said(document)] for document in documents] == rows[1:]
    assert len(report.notices) == 0


@pytest.mark.parametrize("before", ["\n", " \t\n\n", ",\n", ";;\n", '"",""\n', "\ufeff\n"])
def test_blank_lines_may_stand_before_the_names(tmp_path: Path, before: str) -> None:
    path = write_bytes(tmp_path / "x.csv", f"{before}question,answer\na,b\nc\n".encode())
    documents, report = read(path, allow_skips=True)
    assert [said(document) for document in documents] == [[("user", "a"), ("bot", "b")]]
    assert [issue.first.line for _, issue in report.skipped] == [before.count("\n") + 3]


@pytest.mark.parametrize(
    ("sep", "delimiter"),
    [("sep=;", ";"), ("\ufeffsep=,", ","), ('"sep=;"', ";"), ("SEP=\t", "\t"), ("sep=^", "^")],
)
def test_excels_line_names_the_delimiter(tmp_path: Path, sep: str, delimiter: str) -> None:
    path = write_lines(tmp_path / "x.csv", sep, f"question{delimiter}answer", f"a{delimiter}b")
    [document] = read(path)[0]
    assert said(document) == [("user", "a"), ("bot", "b")]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.gz"])
def test_a_quoted_column_is_no_json(tmp_path: Path, name: str) -> None:
    said_so = [r"Look in C:\new\table", 'He said "no".', "Three, two"]
    end = "\n"
    text = "".join('"' + line.replace('"', '""') + '"' + end for line in ("text", *said_so))
    data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    assert read(write_bytes(tmp_path / name, data))[0] == list(map(PlainText, said_so))


@pytest.mark.parametrize("name", ["x.txt", "x.md", "x.text"])
def test_quoted_lines_of_a_text_are_no_json(tmp_path: Path, name: str) -> None:
    text = r'"Look in C:\new."' + '\n"Why?"\n'
    assert read(write_bytes(tmp_path / name, text.encode()))[0] == [PlainText(text)]


def test_a_file_of_a_folder_that_holds_nothing_is_told(tmp_path: Path) -> None:
    table(tmp_path / "talks.csv", [["user", "bot"], ["a", "b"]])
    for name in ("empty.csv", "header.csv", "blank.txt", "empty.json", "empty.jsonl"):
        write_bytes(tmp_path / name, b"user,bot\n" if name == "header.csv" else b"\n")
    _, report = read(tmp_path)
    assert counts(report.notices) == {"the file holds nothing to read": 5}
