"""Whatever a file holds: it is read, or skipped and counted where it stands, or refused."""

import gzip
import json
import os
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.conversation import Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.errors import DataError, MissingInputError
from tests.unit.data.reading import counts, plain, read, said, write_bytes, write_rows

posix = pytest.mark.skipif(os.name != "posix", reason="this kind of file is POSIX only")

GOOD = '{"user": "hi", "bot": "hello"}\n'
NUM_GOOD = 60


def among_good_rows(tmp_path: Path, line: str | bytes) -> Path:
    """Write a line after sixty good ones: it is line 61, and may be skipped."""
    data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    return write_bytes(tmp_path / "rows.jsonl", GOOD.encode() * NUM_GOOD + data + b"\n")


# --- bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"good\nbad \xff here\n", 2, 10),
        (b"overlong \xc0\xaf\n", 1, 10),
        (b"a surrogate \xed\xa0\x80 in UTF-8", 1, 13),
        (b"\r\rthird line \xe9\n", 3, 14),
        (b"\r\n\r\nthird \xe9t\xe9\n", 3, 11),
        (b"beyond unicode \xf5\x80\x80\x80", 1, 16),
        (b"cut inside a character \xe2\x82", 1, 24),
        ("ä".encode() * 40_000 + b"\n" + b"x" * 70_000 + b"\xe9", 2, 150_002),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_bytes_that_are_not_utf8_are_refused_with_line_and_byte(
    tmp_path: Path, data: bytes, line: int, byte: int, packed: bool
) -> None:
    path = write_bytes(tmp_path / "x.txt", gzip.compress(data) if packed else data)
    with pytest.raises(DataError, match=rf"x\.txt:{line} is not utf-8: byte {byte} is 0x"):
        read(path)


def test_rows_that_are_not_utf8_are_refused_with_line_and_byte(tmp_path: Path) -> None:
    path = among_good_rows(tmp_path, '{"text": "café"}'.encode("latin-1"))
    byte = NUM_GOOD * len(GOOD) + len('{"text": "caf') + 1
    with pytest.raises(DataError, match=rf"rows\.jsonl:61 is not utf-8: byte {byte} is 0xe9"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_refused_by_its_name_and_read_when_named(tmp_path: Path, encoding: str) -> None:
    path = write_bytes(tmp_path / "x.txt", "Hello\nworld, ä\n".encode(encoding))
    with pytest.raises(DataError) as refusal:
        read(path)
    assert f"--encoding {encoding}" in refusal.value.hint
    assert plain(read(path, encoding=encoding)[0]) == "Hello\nworld, ä\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er."),
        ("cp1252", "He said \u201cno\u201d \u2014 and that\u2019s that, naïve as it may be."),
        ("cp1251", "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему."),
        ("koi8-r", "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему."),
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("euc_jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。"),
        ("euc_kr", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."),
    ],
)
def test_the_likely_encoding_is_named_and_reads_the_file(
    tmp_path: Path, encoding: str, text: str
) -> None:
    path = write_bytes(tmp_path / "x.txt", text.encode(encoding))
    with pytest.raises(DataError) as refusal:
        read(path)
    assert refusal.value.hint.endswith(f"--encoding {encoding}.")
    assert plain(read(path, encoding=encoding)[0]) == text


@pytest.mark.parametrize(
    ("magic", "what"), [(b"PK\x03\x04", "zip"), (b"\x89PNG\r\n", "picture"), (b"%PDF-", "PDF")]
)
def test_binary_files_are_refused_by_their_kind(tmp_path: Path, magic: bytes, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read(write_bytes(tmp_path / "x.txt", magic + bytes(range(256))))


# --- lines ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("\ufeffat the start".encode(), "at the start"),
        ("in the \ufeffmiddle".encode(), "in the \ufeffmiddle"),
        (b"dos\r\nlines\r\n", "dos\nlines\n"),
        (b"old\rmac\r", "old\nmac\n"),
        (b"mixed\r\r\nends\n\r", "mixed\n\nends\n\n"),
        (b"no end", "no end"),
        (b"a NUL \x00 in text, and more text", "a NUL \x00 in text, and more text"),
        (
            "one\u2028two\u0085three\x1cfour\x0bfive".encode(),
            "one\u2028two\u0085three\x1cfour\x0bfive",
        ),
        ("\ufdd0\uffff\U0010ffff\ue000".encode(), "\ufdd0\uffff\U0010ffff\ue000"),
        (b"ANSI \x1b[31mred\x1b[0m", "ANSI \x1b[31mred\x1b[0m"),
        ("e\u0301 é".encode(), "e\u0301 é"),
        ("👨‍👩‍👧 \u202eevil".encode(), "👨‍👩‍👧 \u202eevil"),
        (("o" + "\u0301" * 10_000).encode(), "o" + "\u0301" * 10_000),
    ],
)
def test_plain_text_comes_in_exactly_but_for_line_ends(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    assert plain(read(write_bytes(tmp_path / "x.txt", data))[0]) == expected


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x.json", "x.txt.gz"])
def test_a_file_without_text_is_missing_input(tmp_path: Path, name: str, data: bytes) -> None:
    path = write_bytes(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(MissingInputError, match="holds no text"):
        read(path)


def test_three_million_blanks_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="holds no text"):
        read(write_bytes(tmp_path / "x.txt", b" " * 3_000_000))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_may_end_in_any_line_end_and_the_last_in_none(tmp_path: Path, end: str) -> None:
    text = end.join(["\ufeff" + GOOD.strip(), "", GOOD.strip(), "\ufeff" + GOOD.strip()])
    documents, report = read(write_bytes(tmp_path / "x.jsonl", text.encode()))
    assert len(documents) == 3
    assert report.skipped.total == 0


def test_separators_inside_a_row_end_no_line(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four\x1cfive\x1e\x0c"
    [document], _ = read(write_rows(tmp_path / "x.jsonl", [{"user": text, "bot": "b"}]))
    assert said(document)[0] == ("user", text)


# --- rows ----------------------------------------------------------------------------

NOT_JSON = "it is not JSON"
MISSING = "its text is missing"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{}", "its keys are those of no known format"),
        ("[]", "it is no object with keys"),
        ("null", "it is no object with keys"),
        ("true", "it is no object with keys"),
        ("1e999", "it is no object with keys"),
        ("NaN", "it is no object with keys"),
        ("Infinity", "it is no object with keys"),
        ('{"user": "a", "bot"', "it is not JSON"),
        ("not JSON at all", NOT_JSON),
        ("{'user': 'a', 'bot': 'b'}", NOT_JSON),
        (GOOD.strip() + GOOD.strip(), "there is more than one value on the line"),
        ('{"text": ' + "9" * 5000 + "}", "a number has thousands of digits"),
        ('{"user": NaN, "bot": "b"}', "its user is a number, not text"),
        ('{"user": 1e999, "bot": "b"}', "its user is a number, not text"),
        ("[" * 100_000, NOT_JSON),
        ("[" * 100_000 + "]" * 100_000, "it is no object with keys"),
        ('{"a":' * 100_000, NOT_JSON),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "its text is a list, not text"),
        ('{"text": 5}', "its text is a number, not text"),
        ('{"text": true}', "its text is true or false, not text"),
        ('{"text": ["a"]}', "its text is a list, not text"),
        ('{"text": {"a": 1}}', "its text is an object, not text"),
        ('{"text": null}', MISSING),
        ('{"text": ""}', "its text is empty"),
        ('{"text": " \\n\\t "}', "its text is empty"),
        ('{"user": "a", "bot": null}', "its bot is missing"),
        ('{"messages": []}', "its list of messages is empty"),
        ('{"messages": null}', "its list of messages is null"),
        ('{"messages": "hello"}', "its list of messages is text"),
        ('{"messages": ["hello"]}', "a message is no object with keys"),
        ('{"messages": [{"role": "user"}]}', "its content is missing"),
        ('{"messages": [{"content": "a"}]}', "its role is missing"),
        ('{"messages": [{"role": "boss", "content": "a"}]}', "its role is unknown"),
        (
            '{"messages": [{"role": "tool", "content": "a"}]}',
            "its messages are calls of tools alone",
        ),
        ('{"messages": [{"role": 7, "content": "a"}]}', "its role is unknown"),
        ('{"conversations": [{"from": "human", "value": 3}]}', "its value is a number, not text"),
        ('{"instruction": "a", "input": 4, "output": "b"}', "its input is a number, not text"),
        ('{"role": "user", "text": ""}', "its text is empty"),
        ('{"message_id": "x", "role": "prompter", "text": null}', MISSING),
        ('{"message_id": "x", "role": "prompter"}', MISSING),
        ('{"message_id": "x", "role": null, "text": "a"}', "its role is missing"),
        ('{"message_id": "x", "role": "narrator", "text": "a"}', "its role is unknown"),
        ('{"message_id": [], "role": "user", "text": "a"}', "its message_id is missing or no text"),
        ('{"parent_id": "x", "role": "user", "text": "a"}', "its message_id is missing or no text"),
        (
            '{"message_id": "x", "role": "user", "text": "a", "deleted": "maybe"}',
            "its deleted is neither true nor false",
        ),
        ('{"prompt": {"text": "a", "replies": [7]}}', "its role is missing"),
    ],
)
def test_a_bad_row_is_skipped_and_counted_where_it_stands(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = among_good_rows(tmp_path, line)
    documents, report = read(path)
    assert len(documents) == NUM_GOOD
    [(wording, tally)] = list(report.skipped)[:1]
    assert (wording, str(tally.first)) == (reason, f"{path}:61")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"user": "first", "user": "last", "bot": "b"}', [("user", "last"), ("bot", "b")]),
        ('{"user": "nul \\u0000", "bot": "b"}', [("user", "nul \0"), ("bot", "b")]),
        (
            '{"user": "raw nul \0 and\ttab", "bot": "b"}',
            [("user", "raw nul \0 and\ttab"), ("bot", "b")],
        ),
        ('{"user": "pair \\ud83d\\ude00", "bot": "b"}', [("user", "pair 😀"), ("bot", "b")]),
        (
            '{"user": "<|end|><|bot|>", "bot": "＜|user|＞"}',
            [("user", "<|end|><|bot|>"), ("bot", "＜|user|＞")],
        ),
        ('{"user": "a\\r\\nb", "bot": "b"}', [("user", "a\r\nb"), ("bot", "b")]),
        ('{"user": "a", "bot": "b", "score": NaN, "n": 1e999}', [("user", "a"), ("bot", "b")]),
        (
            '{"messages": [{"role": "ASSISTANT", "content": "hi"}, '
            '{"role": "User", "content": "a"}, {"role": "user", "content": "b"}, '
            '{"role": " Bot ", "content": "c"}]}',
            [("bot", "hi"), ("user", "a"), ("user", "b"), ("bot", "c")],
        ),
        (
            '{"message_id": 1, "role": "prompter", "text": "q", "replies": '
            '[{"message_id": 2, "role": "assistant", "text": "a", "deleted": "false", '
            '"rank": NaN}]}',
            [("user", "q"), ("bot", "a")],
        ),
    ],
)
def test_an_odd_row_is_read(tmp_path: Path, line: str, expected: list[tuple[str, str]]) -> None:
    documents, report = read(among_good_rows(tmp_path, line))
    assert said(documents[-1]) == expected
    assert report.skipped.total == 0


def test_half_a_character_becomes_a_replacement_character_and_is_told(tmp_path: Path) -> None:
    path = among_good_rows(tmp_path, '{"user": "\\ud83d alone", "bot": "\\ude00\\ud83d"}')
    documents, report = read(path)
    assert said(documents[-1]) == [("user", "\ufffd alone"), ("bot", "\ufffd\ufffd")]
    [(wording, tally)] = report.notices
    assert "lone surrogate" in wording
    assert (tally.count, str(tally.first)) == (2, f"{path}:61")


def test_a_last_row_that_was_cut_off_is_counted_as_such(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", GOOD.encode() * NUM_GOOD + b'{"user": "hel')
    documents, report = read(path)
    assert len(documents) == NUM_GOOD
    assert counts(report.skipped) == {"the last line was cut off": 1}


def test_a_text_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    text = "abcdefghi\n" * 1_000_000
    [document], _ = read(write_rows(tmp_path / "x.jsonl", [{"text": text}]))
    assert document == PlainText(text)


def test_a_line_of_a_hundred_megabytes_is_skipped_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("wb") as file:
        file.write(GOOD.encode() * NUM_GOOD + b'{"text": "')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD.encode())
    tracemalloc.start()
    documents, report = read(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(documents) == NUM_GOOD + 1
    assert [(tally.count, tally.first.line) for _, tally in report.skipped] == [(1, 61)]
    assert peak_bytes < 150_000_000


def test_too_many_skipped_rows_stop_unless_allowed(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", GOOD.encode() * 94 + b"oops\n" * 6)
    with pytest.raises(DataError, match=r"x\.jsonl:95: it is not JSON; 6 of 100 rows") as refusal:
        read(path)
    assert "--allow-skips" in refusal.value.hint
    assert len(read(path, allow_skips=True)[0]) == 94
    write_bytes(path, GOOD.encode() * 95 + b"oops\n" * 5)
    assert len(read(path)[0]) == 95


def test_seventy_thousand_distinct_characters_come_through(tmp_path: Path) -> None:
    text = "".join(map(chr, [*range(0x4E00, 0xA000), *range(0x20000, 0x2C350)]))
    assert len(text) > 70_000
    assert plain(read(write_bytes(tmp_path / "x.txt", text.encode()))[0]) == text


def test_one_character_ten_million_times_comes_through(tmp_path: Path) -> None:
    documents, report = read(write_bytes(tmp_path / "x.txt", b"a" * 10_000_000))
    assert plain(documents) == "a" * 10_000_000
    assert report.texts == 1
    assert [(part.starts, part.ends) for part in documents if isinstance(part, PlainText)] == [
        (True, False),
        *[(False, False)] * (len(documents) - 2),
        (False, True),
    ]


# --- files ---------------------------------------------------------------------------


def test_a_missing_path_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is not there"):
        read(tmp_path / "gone.txt")


@pytest.mark.parametrize("name", ["-rf", "a\nb.txt", "tab\t.txt", "[bold].txt", "ü 😀.txt"])
@posix
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    path = write_bytes(tmp_path / name, b"hello")
    assert plain(read(path)[0]) == "hello"


@posix
def test_a_name_that_is_no_unicode_is_a_name(tmp_path: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("this file system takes Unicode names only")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.txt"))
    path.write_bytes(b"bad \xff")
    with pytest.raises(DataError, match="is not utf-8"):
        read(path)


def test_a_name_with_a_nul_is_missing_input() -> None:
    with pytest.raises(MissingInputError):
        read(Path("nul\0name"))


def test_a_name_that_is_too_long_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read(tmp_path / ("x" * 5000))


def test_a_file_as_a_folder_is_missing_input(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x.txt", b"hello")
    with pytest.raises(MissingInputError):
        read(tmp_path / "x.txt" / "y.txt")


@posix
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="is a named pipe"):
        read(tmp_path / "pipe.txt")
    write_bytes(tmp_path / "good.txt", b"hello")
    documents, report = read(tmp_path)
    assert plain(documents) == "hello"
    assert counts(report.notices) == {"a file of the folder can't be read": 1}


@posix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_a_device_is_refused(device: str) -> None:
    if not Path(device).is_char_device():
        pytest.skip(f"{device} is no device here")
    with pytest.raises(DataError, match="is a device"):
        read(Path(device))


@posix
def test_links_are_followed_to_files_and_refused_in_circles(tmp_path: Path) -> None:
    good = write_bytes(tmp_path / "good.txt", b"hello")
    (tmp_path / "link.txt").symlink_to(good)
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "gone")
    (tmp_path / "up").symlink_to(tmp_path)
    assert plain(read(tmp_path / "link.txt")[0]) == "hello"
    with pytest.raises(MissingInputError, match="leads back to itself"):
        read(tmp_path / "loop.txt")
    with pytest.raises(MissingInputError, match="is a link to nothing"):
        read(tmp_path / "dangling.txt")
    documents, report = read(tmp_path)
    assert plain(documents) == "hello"
    assert counts(report.notices) == {
        "a file of the folder can't be read": 2,
        "a link to a folder is not followed": 1,
        "the same file is named twice; it is read once": 1,
    }


@posix
def test_a_file_without_permission_is_missing_input(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"hello")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(MissingInputError, match="no permission"):
        read(path)


def test_a_folder_without_data_is_missing_input(tmp_path: Path) -> None:
    write_bytes(tmp_path / "picture.png", b"x")
    write_bytes(tmp_path / ".hidden.txt", b"x")
    with pytest.raises(MissingInputError, match="holds no file to read"):
        read(tmp_path)


def test_a_folder_is_read_whole_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write_bytes(tmp_path / "b" / "2.txt", b"two ")
    write_bytes(tmp_path / "a.txt", b"one ")
    write_bytes(tmp_path / "README.md", b"about")
    write_bytes(tmp_path / "b" / "notes.xyz", b"not read")
    documents, report = read(tmp_path)
    assert plain(documents) == "one two "
    assert [(tally.count, tally.example) for _, tally in report.notices] == [(1, ".xyz")]


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    letters = b"a" * (1 << 20)
    with (tmp_path / "bomb.txt.gz").open("wb") as file:
        for _ in range(300):
            file.write(packer.compress(letters))
        file.write(packer.flush())
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to far more than text does"):
        for _ in Documents([tmp_path / "bomb.txt.gz"], config=DataConfig()):
            pass
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 50_000_000


@pytest.mark.parametrize("keep", [12, 30, -9, -4, -1])
def test_a_truncated_gzip_file_is_refused(tmp_path: Path, keep: int) -> None:
    data = gzip.compress(os.urandom(500).hex().encode())
    with pytest.raises(DataError, match="ends too early"):
        read(write_bytes(tmp_path / "x.txt.gz", data[:keep]))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(os.urandom(500).hex().encode()))
    data[100] ^= 0xFF
    with pytest.raises(DataError):
        read(write_bytes(tmp_path / "x.txt.gz", bytes(data)))
    with pytest.raises(DataError):
        read(write_bytes(tmp_path / "y.txt.gz", gzip.compress(b"hello") + b"garbage"))


def test_gzip_is_known_by_its_content_and_twice_packed_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"hello")
    assert plain(read(write_bytes(tmp_path / "x.txt", packed))[0]) == "hello"
    assert plain(read(write_bytes(tmp_path / "two.gz", packed + packed))[0]) == "hellohello"
    with pytest.raises(DataError, match="a gzip file inside another"):
        read(write_bytes(tmp_path / "y.gz", gzip.compress(packed)))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1_500_000]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: os.utime(path, ns=(0, 0)),
    ],
    ids=["shrinks", "grows", "is touched"],
)
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = write_bytes(tmp_path / "x.txt", b"a line\n" * 500_000)
    documents: Iterator[object] = iter(Documents([path], config=DataConfig()))
    next(documents)
    change(path)
    with pytest.raises(DataError, match="changed while it was read"):
        list(documents)


def test_a_file_that_changes_between_two_readings_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"a line\n")
    documents = Documents([path], config=DataConfig())
    assert documents.fingerprint
    write_bytes(path, b"another line\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(documents)


def read_or_refused(path: Path, **settings: object) -> list[Document]:
    """Return the documents, or none where the file is refused as a person can mend it."""
    try:
        documents, _ = read(path, **settings)
    except (DataError, MissingInputError):
        return []
    assert documents
    return documents


@given(
    st.binary(max_size=300), st.sampled_from(["x.txt", "x.jsonl", "x.json", "x.gz", "x.parquet"])
)
@settings(max_examples=400)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    read_or_refused(write_bytes(tmp_path_factory.getbasetemp() / f"fuzz-{name}", data))


ROW_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "prompter", "true", "a", "b"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["message_id", "parent_id", "text", "role", "prompt", "replies", "messages", "content",
             "conversations", "from", "value", "user", "bot", "rank", "deleted", "lang", "input",
             "output", "instruction", "synthetic", "review_result", "completion"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(ROW_VALUES, min_size=2, max_size=6), st.sampled_from(["best", "all"]))
@settings(max_examples=200)
def test_any_rows_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], paths: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    as_lines = write_rows(folder / "fuzz.jsonl", rows[:0])
    as_lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    as_array = folder / "fuzz.json"
    as_array.write_text(json.dumps(rows), encoding="utf-8")
    documents = read_or_refused(as_lines, oasst_paths=paths, allow_skips=True)
    assert documents == read_or_refused(as_array, oasst_paths=paths, allow_skips=True)
    for document in documents:
        is_plain = isinstance(document, PlainText)
        texts = [document.text] if is_plain else [text for _, text in said(document)]
        assert all(text.encode().strip() for text in texts)


def test_a_date_that_no_calendar_has_is_one_bad_row(tmp_path: Path) -> None:
    dates = pa.array([None, 2**40], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["fine", "x"], "lang": dates}), tmp_path / "x.parquet")
    documents, report = read(tmp_path / "x.parquet", allow_skips=True)
    assert plain(documents) == "fine"
    assert counts(report.skipped) == {"it holds a date beyond the calendar": 1}


def test_a_table_with_a_damaged_name_of_a_column_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"message_id": ["a"], "text": ["b"]}), tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes().replace(b"message_id", b"mess\x81ge_id")
    with pytest.raises(DataError, match="no whole parquet table"):
        read(write_bytes(tmp_path / "x.parquet", data))


@pytest.mark.parametrize(
    ("text", "line"),
    [("My chats\n\n<|user|>Hi\n<|bot|>Ho\n", 3), ("  <|user|>Hi\n  <|bot|>Ho\n", 1)],
)
def test_a_chat_that_is_taken_for_plain_text_is_told_of(
    tmp_path: Path, text: str, line: int
) -> None:
    path = write_bytes(tmp_path / "x.txt", text.encode())
    documents, report = read(path)
    assert plain(documents) == text
    [(wording, tally)] = report.notices
    assert "plain text, although lines begin with tags" in wording
    assert (tally.first.line, tally.example) == (line, "<|user|>")


def test_going_on_is_not_proposed_where_nothing_would_be_left(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "x.jsonl", [{"title": "q", "body": "a"}] * 3)
    with pytest.raises(DataError) as caught:
        read(path)
    assert "docs/data.md" in caught.value.hint
    assert "--allow-skips" not in caught.value.hint
