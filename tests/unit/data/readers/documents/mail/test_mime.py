"""The parts of a message."""

import pytest

from lumina_cli.data.readers.documents.mail import mime
from lumina_cli.data.readers.documents.mail.mime import Message, MessageReader, decoded


def parts(text: str | bytes) -> Message:
    reader = MessageReader()
    data = text.encode() if isinstance(text, str) else text
    for line in data.splitlines(keepends=True):
        reader.push(line)
    return reader.finish()


def texts(text: str | bytes) -> list[str]:
    return [part.text for part in parts(text).texts]


def multipart(kind: str, *bodies: str, boundary: str = "b") -> str:
    inner = "".join(f"--{boundary}\n{body}\n" for body in bodies)
    header = f'Content-Type: multipart/{kind};\n\tboundary="{boundary}"\n\n'
    return f"{header}preamble\n{inner}--{boundary}--\n"


def test_a_message_without_a_type_is_plain_text() -> None:
    assert texts("From: a@b\nSubject: x\n\nHello\n\nyou\n") == ["Hello\n\nyou\n"]


ENCODED = [
    ("Content-Transfer-Encoding: base64", "Y2Fmw6kg\nbm9uc2Vuc2U=\n", "café nonsense"),
    ("Content-Transfer-Encoding: BASE64", "Y2Fmw6kg!bm9uc2Vuc2U", "café nonsense"),
    ("Content-Transfer-Encoding: quoted-printable", "caf=C3=A9 non=\nsense", "café nonsense"),
    ("Content-Transfer-Encoding: 8bit", "café nonsense", "café nonsense"),
]


@pytest.mark.parametrize(("header", "body", "expected"), ENCODED)
def test_what_was_packed_for_the_way_is_unpacked(header: str, body: str, expected: str) -> None:
    text = f"Content-Type: text/plain; charset=utf-8\n{header}\n\n{body}"
    assert texts(text) == [expected]


CHARSETS = [
    ("iso-8859-1", "caf\xe9".encode("latin-1"), "café", False),
    ("us-ascii", "caf\xe9".encode(), "café", False),
    ("koi8-r", "мир".encode("koi8-r"), "мир", False),
    ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", False),
    ("gb2312", "你好".encode("gb2312"), "你好", False),
    ("x-unknown", "caf\xe9".encode(), "café", False),
    ("", b"caf\xe9", "café", True),
    ("utf-8", b"caf\xe9!", "caf\ufffd!", True),
    ("unicode_escape", b"\\x41", "\\x41", False),
    ("punycode", b"a" * 5, "aaaaa", False),
]


@pytest.mark.parametrize(("charset", "content", "text", "is_damaged"), CHARSETS)
def test_a_part_is_decoded_as_it_says(
    charset: str, content: bytes, text: str, is_damaged: bool
) -> None:
    found, damaged = decoded(content, charset)
    assert found == text
    assert damaged == is_damaged


def test_parts_of_all_kinds_are_told_apart() -> None:
    both = multipart(
        "alternative", "\nplain", "Content-Type: text/html\n\n<p>page</p>", boundary="in"
    )
    picture = "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA"
    log = "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.log\n\nlog"
    message = parts(multipart("mixed", both, picture, log, "\nlast"))
    assert [(part.text.strip(), part.is_html, part.alternative) for part in message.texts] == [
        ("plain", False, 1),
        ("page".join(("<p>", "</p>")), True, 1),
        ("last", False, 0),
    ]
    assert message.others == ["image/png", "text/plain"]


def test_a_message_inside_of_a_message_is_one_part() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: x\n\ninner"
    message = parts(multipart("mixed", "\nouter", inner))
    assert [part.text.strip() for part in message.texts] == ["outer"]
    assert message.others == ["message/rfc822"]


def test_a_message_that_is_cut_off_gives_what_is_there() -> None:
    assert texts(multipart("mixed", "\none", "\ntwo").replace("--b--", "")) == ["one\n", "two\n\n"]


def test_thousands_of_parts_are_refused() -> None:
    message = parts(multipart("mixed", *["\nx"] * 5000))
    assert message.too_large == "it has more than 1,000 parts"
    assert not message.texts


def test_parts_that_lie_too_deep_are_refused() -> None:
    text = "".join(
        f'Content-Type: multipart/mixed; boundary="b{depth}"\n\n--b{depth}\n'
        for depth in range(5000)
    )
    assert parts(text).too_large == "its parts lie more than 20 deep in one another"


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "MAX_TEXT_BYTES", 1000)
    message = parts("A: b\n\n" + "x" * 99 + "\n" + "y\n" * 1000)
    assert message.too_large.startswith("its text is longer")
    assert not message.texts


WICKED = [
    'Content-Type: text/plain; a="' + '\\"' * 100_000,
    "Content-Type: text/plain" + ';a="' * 100_000,
    "Content-Type: text/plain" + "; a" * 100_000 + "\n\nx",
    "Content-Type: multipart/mixed; boundary=" + "b" * 100_000 + "\n\nx",
    "Content-Type: text/plain\n" + " folded\n" * 100_000,
    "X: y\n" * 100_000,
    "--\n" * 100_000,
]


@pytest.mark.parametrize("text", WICKED)
def test_no_header_takes_time_without_measure(text: str) -> None:
    assert parts(text).too_large == ""
