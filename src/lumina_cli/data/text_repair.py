"""Text that was damaged before we read it: lone surrogates, mojibake, tags left inside.

Half of a UTF-16 pair (a lone surrogate, as broken JSON can hold) is no character; it is replaced
by U+FFFD. Mojibake is UTF-8 that was once decoded as cp1252 or Latin-1, so that 'café' became
'cafÃ©'. It is repaired only on demand, line by line: where the whole line, encoded as cp1252, is
valid UTF-8, and else those characters that can't have meant anything else ('Ã©' behind a small
letter, 'â€œ'). What may be garbled, and may not, is reported and stays. Tags of other chat formats
inside a message are reported and stay: text is text.
"""

import re
from dataclasses import replace
from operator import is_
from typing import NamedTuple

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.readers.tagged import TAG
from lumina_cli.data.report import Location, ReadReport

_UNDEFINED_IN_CP1252 = "\x81\x8d\x8f\x90\x9d"
_FROM_CP1252 = bytes(set(range(0x80, 0xA0)) - set(map(ord, _UNDEFINED_IN_CP1252))).decode("cp1252")
_NEXT = f"[\x80-\xbf{_FROM_CP1252}]"
_GARBLED = re.compile(
    f"[\xc2-\xf4](?:(?<=[\xc2-\xdf]){_NEXT}|(?<=[\xe0-\xef]){_NEXT}{{2}}|(?<=[\xf0-\xf4]){_NEXT}{{3}})"
)
"""What begins with one set of characters is found four times as fast as one of three."""
_SURE = re.compile(
    f"(?:(?<=[a-z])[ÂÃÄÅÎÏÐÑ]{_NEXT}|[ÂÃÄÅÎÏÐÑ]{_NEXT}(?=[a-z])"
    f"|[ÂÃÄÅÎÏÐÑ]{_NEXT}(?:[ÂÃÄÅÎÏÐÑ]{_NEXT})+|â€{_NEXT}|â‚¬|ðŸ{_NEXT}{{2}})+"
)
"""In a line that also holds what was never garbled."""
_MAYBE = re.compile(f"[ÂÃ]{_NEXT}|â€|ðŸ")
_FOREIGN_TAG = re.compile(
    r"### (?:Human|Assistant|Instruction|Response):|<\|im_start\|>|<start_of_turn>|\[/?INST\]"
)
_TAGGED_LINE = re.compile(rf"^[ \t]*{TAG.pattern}", re.IGNORECASE | re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Mojibake(NamedTuple):
    """The first garbled line of a text: its number from 0, and one of its garbled characters.

    Where it `is_sure`, repairing mends it.
    """

    line: int
    example: str
    is_sure: bool = True


def replace_surrogates(text: str) -> tuple[str, int]:
    """Return the text with U+FFFD for each lone surrogate, and how many there were."""
    if text.isascii():
        return text, 0
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.subn("\ufffd", text)
    return text, 0


def is_sound(text: str) -> bool:
    """Say whether there is nothing in the lines of a text to repair, or to report."""
    if not text.isascii() and (replace_surrogates(text)[1] or _GARBLED.search(text)):
        return False
    if "<|" in text and TAG.search(text):
        return False
    return not _may_hold_tags(text) or not _FOREIGN_TAG.search(text)


def _may_hold_tags(text: str) -> bool:
    # a single character is found many times faster, and most texts hold none of these
    if "<" in text:
        return True
    return ("#" in text and "###" in text) or ("]" in text and "INST]" in text)


def find_mojibake(text: str) -> Mojibake | None:
    """Return where a text is garbled first, or None."""
    if text.isascii():
        return None
    at, unsure = 0, None
    while found := _GARBLED.search(text, at):
        start = text.rfind("\n", 0, found.start()) + 1
        end = text.find("\n", found.end())
        line = text[start : end if end >= 0 else None]
        if _fix_line(line) != line:
            return Mojibake(text.count("\n", 0, start), found[0])
        if unsure is None and (maybe := _MAYBE.search(line)):
            unsure = Mojibake(text.count("\n", 0, start), maybe[0], is_sure=False)
        at = end if end >= 0 else len(text)  # each line is looked at once
    return unsure


def fix_mojibake(text: str) -> str:
    """Return the text with its garbled lines decoded as they should have been."""
    if text.isascii():
        return text
    return "\n".join(_fix_line(line) for line in text.split("\n"))


def _fix_line(line: str) -> str:
    if line.isascii() or not _GARBLED.search(line):
        return line
    fixed = _decoded(line)
    return _SURE.sub(lambda found: _decoded(found[0]), line) if fixed == line else fixed


def _decoded(garbled: str) -> str:
    try:
        return garbled.translate(_TO_BYTES).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return garbled


_TO_BYTES = {ord(char): char.encode("cp1252")[0] for char in _FROM_CP1252}
"""Characters of cp1252 to the bytes they came from; for all others Latin-1 has the right byte."""


class TextRepair:
    """Repairs texts as they are read, and reports where.

    Args:
        mojibake: whether garbled lines are repaired, or only reported.
        report: what was found is counted here.
    """

    def __init__(self, *, mojibake: bool, report: ReadReport) -> None:
        self._mojibake = mojibake
        self._notices = report.notices

    def document(self, document: Document, *, location: Location) -> Document:
        """Return a document with all its texts repaired."""
        if isinstance(document, PlainText):
            return replace(document, text=self.text(document.text, location=location, in_file=True))
        messages = tuple([self._message(each, location) for each in document.messages])
        if all(map(is_, messages, document.messages)):
            return document
        return Conversation(messages)

    def text(self, text: str, *, location: Location, in_file: bool = False) -> str:
        """Return a text repaired.

        Args:
            text: what was read.
            location: where it begins.
            in_file: whether its lines are those of the file, so that they can be counted.
        """
        if text.isascii() and not _may_hold_tags(text):
            return text  # most are: nothing below could be found in them
        text, num_surrogates = replace_surrogates(text)
        if num_surrogates:
            self._notices.add("half a character (a lone surrogate) is read as U+FFFD", location)
        if "<|" in text or not in_file:
            self._report_tags(text, location, in_file=in_file)
        if mojibake := find_mojibake(text):
            line = mojibake.line if in_file else 0
            at = Location(location.path, location.line + line)
            if not mojibake.is_sure:
                wording = "it may be garbled (UTF-8 read as cp1252), and may not: it stays"
                self._notices.add(wording, at, example=mojibake.example)
            elif self._mojibake:
                text = fix_mojibake(text)
                self._notices.add("garbled text was mended", at, example=mojibake.example)
            else:
                wording = "it looks garbled (UTF-8 read as cp1252); --fix-mojibake mends it"
                self._notices.add(wording, at, example=mojibake.example)
        return text

    def _report_tags(self, text: str, location: Location, *, in_file: bool) -> None:
        """Report tags of this or another chat format; they stay in the text."""
        if not in_file and (tag := _FOREIGN_TAG.search(text)):
            wording = "it holds tags of another chat format; they are read as text like any other"
            self._notices.add(wording, location, example=tag[0])
        if not in_file and "<|" in text and (tag := TAG.search(text)):
            wording = "a tag stands inside a line; it is read as text like any other"
            self._notices.add(wording, location, example=tag[0])
        if in_file and (tagged := _TAGGED_LINE.search(text)):
            at = Location(location.path, location.line + text.count("\n", 0, tagged.start()))
            wording = (
                "it is read as plain text, although lines begin with tags; in a chat the first "
                "line begins with one, and no space stands before it (or use --format tagged)"
            )
            self._notices.add(wording, at, example=tagged[0].strip())

    def _message(self, message: Message, location: Location) -> Message:
        text = self.text(message.text, location=location)
        return message if text is message.text else replace(message, text=text)
