"""Messages and mailboxes as documents."""

import gzip
from pathlib import Path

import pytest

from tests.unit.data.reading import counts, issues, plain, read, write_bytes

MESSAGE = """Return-Path: <ann@example.org>
From: =?utf-8?q?Ann_L=C3=A9e?= <ann@example.org>
To: ben@example.org
Subject: Tea
Date: Mon, 6 Jan 2025 10:00:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Caf=E9 or tea?

--=20
Ann
"""
MAILBOX = f"""From 1820000000000000000@xxx Mon Jan 06 10:00:00 +0000 2025
{MESSAGE}
From ben@example.org  Tue Jan  7 11:00:00 2025
From: ben@example.org
Message-ID: <2@example.org>

Tea, please.
>From the pot.
From now on: always.

From - Wed Jan  8 12:00:00 2025
From: ann@example.org

> Tea, please.
"""


def test_of_a_message_the_body_is_read(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.eml", MESSAGE.encode())
    documents, report = read(path)
    assert plain(documents) == "Café or tea?\n"
    assert report.formats[path] == {"mail": 1}
    assert issues(report) == {"a signature": 1}


@pytest.mark.parametrize("name", ["x.mbox", "x", "2025-January.txt"])
def test_each_message_of_a_mailbox_is_a_document(tmp_path: Path, name: str) -> None:
    documents, report = read(write_bytes(tmp_path / name, MAILBOX.encode()))
    assert [plain([document]) for document in documents] == [
        "Café or tea?\n",
        "Tea, please.\nFrom the pot.\nFrom now on: always.\n",
    ]
    assert issues(report) == {
        "a signature": 1,
        "a message that is quoted in its answer": 1,
        "a message without text of its own": 1,
    }


def test_line_ends_of_any_kind_and_gzip_are_read(tmp_path: Path) -> None:
    data = gzip.compress(MAILBOX.replace("\n", "\r\n").encode())
    documents, _ = read(write_bytes(tmp_path / "x.mbox.gz", data))
    assert len(documents) == 2


ALTERNATIVE = """From: a@example.org
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

--out
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain

{}
--in
Content-Type: text/html

<p>Page <b>text</b>.</p><img src=x>
--in--
--out
Content-Type: application/pdf

AAAA
--out--
"""


@pytest.mark.parametrize(
    ("text", "expected"), [("Plain text.", "Plain text.\n"), ("", "Page text.\n")]
)
def test_of_two_forms_the_text_is_read_unless_it_is_empty(
    tmp_path: Path, text: str, expected: str
) -> None:
    documents, report = read(write_bytes(tmp_path / "x.eml", ALTERNATIVE.format(text).encode()))
    assert plain(documents) == expected
    assert issues(report)["a file beside a message"] == 1


QUOTING = {
    "Gmail": (
        '<div>Yes.</div><div class="gmail_quote"><div class="gmail_attr">On Mon, Jan 6, 2025 Ann '
        '&lt;a@x.org&gt; wrote:<br></div><blockquote class="gmail_quote">Tea?<div>Ann</div>'
        "</blockquote></div>",
        "Yes.\n",
    ),
    "Apple Mail": (
        '<body>Yes.<br><blockquote type="cite"><div>On 6 Jan 2025, at 10:00, Ann wrote:</div>Tea?'
        "</blockquote></body>",
        "Yes.\n",
    ),
    "Thunderbird, answered in between": (
        '<div class="moz-cite-prefix">Am 06.01.25 um 10:00 schrieb Ann:</div>'
        '<blockquote type="cite" cite="mid:x">Tea?</blockquote>Yes.'
        '<blockquote type="cite">Milk?</blockquote><p>No.</p>',
        "Yes.\n\nNo.\n",
    ),
    "somebody else's words": ("<blockquote>To be</blockquote><p>he said</p>", "To be\n\nhe said\n"),
}


@pytest.mark.parametrize("program", QUOTING)
def test_what_a_page_quotes_of_the_message_that_it_answers_is_left_out(
    tmp_path: Path, program: str
) -> None:
    page, expected = QUOTING[program]
    data = f"From: a@example.org\nContent-Type: text/html; charset=utf-8\n\n{page}\n"
    documents, report = read(write_bytes(tmp_path / "x.eml", data.encode()))
    assert plain(documents) == expected
    assert ("a message that is quoted in its answer" in issues(report)) == ("<p>he" not in page)


def test_a_message_of_thousands_of_parts_is_skipped_and_counted(tmp_path: Path) -> None:
    bad = "From: a@b.c\nContent-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 2000
    data = MAILBOX + "\nFrom - Thu Jan  9 12:00:00 2025\n" + bad
    documents, report = read(write_bytes(tmp_path / "x.mbox", data.encode()), allow_skips=True)
    assert len(documents) == 2
    assert counts(report.skipped) == {"it has more than 1,000 parts": 1}


def test_a_line_without_end_is_read_in_pieces(tmp_path: Path) -> None:
    data = b"From: a@b.c\nSubject: x\n\n" + b"word " * 500_000
    assert len(plain(read(write_bytes(tmp_path / "x.eml", data))[0])) == 2_500_000


def test_what_a_wrong_character_set_hides_is_told(tmp_path: Path) -> None:
    data = b"From: a@b.c\nContent-Type: text/plain; charset=utf-8\n\ncaf\xe9 and so on\n"
    documents, report = read(write_bytes(tmp_path / "x.eml", data))
    assert plain(documents) == "caf\ufffd and so on\n"
    wording = "a message is not in the character set that it names; U+FFFD may stand in it"
    assert issues(report) == {wording: 1}
