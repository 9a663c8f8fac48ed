"""Messages (.eml) and mailboxes (.mbox): the text of each message is a document.

Of a text and a page that say the same, the text is read. Quoted messages and signatures, files and
pictures are left out and counted; headers are not read.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lumina_cli.conversation import PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.html import pieces_of_page
from lumina_cli.data.readers.documents.mail.body import own_text, unflow
from lumina_cli.data.readers.documents.mail.mime import Message, MessageReader, TextPart
from lumina_cli.data.readers.documents.mail.separator import SEPARATOR
from lumina_cli.data.readers.text_files import open_unpacked
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

KIND = "mail"
_MAX_LINE_BYTES = 1 << 20
_SEPARATOR = re.compile(rf"{SEPARATOR}[^\n]{{0,60}}\n".encode())
_ESCAPED = re.compile(rb">+From ")
_OTHER_KINDS = {
    "image": "a picture beside a message",
    "audio": "a recording beside a message",
    "video": "a film beside a message",
    "message": "a message inside of a message",
    "text/calendar": "an invitation beside a message",
    "application/pgp-signature": "a seal (PGP) around a text",
    "application/pkcs7-signature": "a seal (S/MIME) around a text",
    "application/x-pkcs7-signature": "a seal (S/MIME) around a text",
    "application/pkcs7-mime": "an encrypted text",
    "application/pgp-encrypted": "an encrypted text",
}


def documents_of_mail(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the text of each message of a file."""
    del config  # each part of a message names its own encoding
    with open_unpacked(path) as file:
        for line, message in _messages(file):
            location = Location(path, line)
            report.saw_row(path, KIND)
            if message.too_large:
                report.skipped.add(message.too_large, location)
                continue
            text = _text_of(message, location=location, report=report)
            if text.strip():
                yield location, PlainText(text)
            else:
                report.left_out.add("a message without text of its own", location)


def _messages(file: BinaryIO) -> Iterator[tuple[int, Message]]:
    """Yield the messages of a file and the lines they begin on."""
    reader: MessageReader | None = None
    begin, is_mailbox, after_blank, is_whole = 1, False, True, True
    number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        number += is_whole
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        is_first = reader is None
        separates = is_whole and after_blank and _SEPARATOR.fullmatch(line) is not None
        if separates and (is_mailbox or is_first):
            is_mailbox = True
            if reader:
                yield begin, reader.finish()
            reader, begin = MessageReader(), number
        elif reader or line.strip():
            if reader is None:
                reader, begin = MessageReader(), number
            is_escaped = is_mailbox and is_whole and _ESCAPED.match(line)
            reader.push(line[1:] if is_escaped else line)
        after_blank = not line.strip()
        is_whole = line.endswith(b"\n")
    if reader:
        yield begin, reader.finish()


def _text_of(message: Message, *, location: Location, report: ReadReport) -> str:
    """Return what the sender wrote, in all parts that are text."""
    for kind in message.others:
        wording = _OTHER_KINDS.get(kind) or _OTHER_KINDS.get(kind.partition("/")[0])
        report.left_out.add(wording or "a file beside a message", location, example=kind[:60])
    texts = []
    for part in _chosen(message.texts):
        if part.is_damaged:
            wording = "a message is not in the character set that it names; U+FFFD may stand in it"
            report.notices.add(wording, location)
        texts.append(_own_text(part, location=location, report=report))
    return "\n\n".join(filter(None, texts)) + "\n"


def _chosen(parts: list[TextPart]) -> list[TextPart]:
    """Return the parts to read: of those that say the same, the text that is not empty."""
    with_text = {part.alternative for part in parts if not part.is_html and part.text.strip()} - {0}
    return [
        part
        for part in parts
        if not part.alternative or part.is_html == (part.alternative not in with_text)
    ]


def _own_text(part: TextPart, *, location: Location, report: ReadReport) -> str:
    text = part.text
    if part.is_html:
        page = pieces_of_page(io.StringIO(text), path=location.path, report=report, is_mail=True)
        text = "".join(piece.text for piece in page)
    elif part.is_flowed:
        text = unflow(text, without_space=part.without_space)
    return own_text(text, count=lambda wording: report.left_out.add(wording, location))
