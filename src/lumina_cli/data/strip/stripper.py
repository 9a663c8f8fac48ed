"""Texts without what stands around them: left out on demand, and told of where it is learnt."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.data.checkpoints import State
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.data.strip.gutenberg import LicenceFinder, may_hold_licence
from lumina_cli.data.strip.mail_headers import begins_with_mail_header, may_hold_mail_header
from lumina_cli.data.strip.markup import Markup, find_markup, may_hold_markup, without_tags

LICENCE = "the licence of Project Gutenberg is learnt, too; --strip gutenberg leaves it out"
LEFT_OUT_LICENCE = "a licence of Project Gutenberg (--strip gutenberg)"
MAIL = "a text begins with the header of a mail, which is learnt, too"
MAIL_FILE = f"{MAIL}; --format mail reads mail without it"
_KINDS = {"html": "HTML", "xml": "XML"}
_MAX_TAG_CHARS = 4000
_TOLD = ("_line", "_has_lines", "_has_begun", "_has_tags")


def may_be_told(text: str) -> bool:
    """Say whether a text may hold anything that is told of or left out."""
    return may_hold_markup(text) or may_hold_licence(text) or may_hold_mail_header(text)


class Stripper:
    """Leaves out of documents what was asked for, and tells of the rest.

    Args:
        kinds: what is left out.
        report: what was left out, or could be, is counted here.
    """

    def __init__(self, kinds: Iterable[str], *, report: ReadReport) -> None:
        self._tags = _Tags(frozenset(kinds), report)
        self._text = _TextInChunks(self._tags, strips="gutenberg" in self._tags.kinds)

    def state(self) -> State:
        """Return what is known of a text of which chunks are still to come."""
        return self._text.state()

    def resume(self, state: State, *, path: Path) -> None:
        """Go on with the chunks of a text in a file, where `state` was told."""
        self._text.resume(state, path=path)

    def documents(
        self, located: Iterable[LocatedDocument], *, in_rows: bool = False
    ) -> Iterator[LocatedDocument]:
        """Yield documents as they are to be learnt.

        Args:
            located: the documents; chunks of a text follow one another.
            in_rows: whether a location is that of a row, whatever lines its text has.
        """
        for location, document in located:
            if isinstance(document, PlainText):
                yield from self._text.push(document, location=location, in_rows=in_rows)
            else:
                yield location, self._conversation(document, location)

    def _conversation(self, conversation: Conversation, location: Location) -> Conversation:
        if not any(may_hold_markup(message.text) for message in conversation.messages):
            return conversation
        messages = [self._message(message, location) for message in conversation.messages]
        return replace(conversation, messages=tuple(messages))

    def _message(self, message: Message, location: Location) -> Message:
        found = find_markup(message.text, is_message=True)
        if found is None:
            return message
        return replace(message, text=self._tags.strip(message.text, found, location))


class _Tags:
    """Leaves out tags that were found, or tells of them.

    Args:
        kinds: what is left out.
        report: the tags are counted there, or the texts with tags that stay.
    """

    def __init__(self, kinds: frozenset[str], report: ReadReport) -> None:
        self.kinds = kinds
        self.report = report

    def strip(self, text: str, found: Markup, location: Location, *, is_told: bool = False) -> str:
        """Return a text without the tags in it, or as it is where these stay."""
        name, example = _KINDS[found.kind], found.first[0][:80]
        if found.kind in self.kinds:
            wording = f"a tag of {name} (--strip {found.kind})"
            self.report.left_out.add(wording, location, count=found.num_tags, example=example)
            return without_tags(text, kind=found.kind)
        if not is_told:
            wording = f"{name} tags are learnt, too; --strip {found.kind} leaves them out"
            self.report.notices.add(wording, location, example=example)
        return text


class _TextInChunks:
    """A text while its chunks come in.

    Args:
        tags: takes care of its tags.
        strips: whether licences are left out, too.
    """

    def __init__(self, tags: _Tags, *, strips: bool) -> None:
        self._tags = tags
        self._strips = strips
        self._begin(Location(Path()), in_rows=False)

    def _begin(self, location: Location, *, in_rows: bool) -> None:
        self._finder = LicenceFinder()
        self._line = location.line
        self._has_lines = location.line > 0 and not in_rows
        self._pending: tuple[Location, str] | None = None
        self._has_begun = self._has_tags = False

    def state(self) -> State:
        pending = self._pending and (self._pending[0].line, self._pending[1])
        return {name: getattr(self, name) for name in _TOLD} | {
            "finder": self._finder.state,
            "pending": pending,
        }

    def resume(self, state: State, *, path: Path) -> None:
        for name in _TOLD:
            setattr(self, name, state[name])
        self._finder = LicenceFinder(*state["finder"])
        if state["pending"]:
            line, text = state["pending"]
            self._pending = (Location(path, line), text)

    def push(
        self, chunk: PlainText, *, location: Location, in_rows: bool
    ) -> Iterator[LocatedDocument]:
        """Take a chunk; yield what of the text is decided."""
        if chunk.starts:
            self._begin(location, in_rows=in_rows)
            if begins_with_mail_header(chunk.text):
                self._tags.report.notices.add(MAIL if in_rows else MAIL_FILE, location)
        for piece in self._finder.push(chunk.text, is_last=chunk.ends):
            at = Location(location.path, self._line)
            self._line += piece.text.count("\n") if self._has_lines else 0
            if piece.is_licence:
                self._leave_out_licence(piece.text, at)
            elif self._strips:
                yield from self._keep(piece.text, at)
        if not self._strips:
            yield from self._keep(chunk.text, location)
        if chunk.ends and self._pending is not None:
            (location, text), self._pending = self._pending, None
            yield self._part(text, location, ends=True)

    def _leave_out_licence(self, text: str, location: Location) -> None:
        example = text.strip().partition("\n")[0][:80]
        if self._strips:
            self._tags.report.left_out.add(LEFT_OUT_LICENCE, location, example=example)
        else:
            self._tags.report.notices.add(LICENCE, location, example=example)

    def _keep(self, text: str, location: Location) -> Iterator[LocatedDocument]:
        """Hold the newest part back, for it may be the last; yield the one before."""
        if self._pending is None:
            if not text.isspace():
                self._pending = (location, text)
            return
        before, earlier = self._pending
        cut = earlier.rfind("<", -_MAX_TAG_CHARS) if self._tags.kinds else -1
        if cut > 0 and ">" not in earlier[cut:]:  # a tag that goes on
            earlier, text = earlier[:cut], earlier[cut:] + text
        self._pending = (location, text)
        yield self._part(earlier, before, ends=False)

    def _part(self, text: str, location: Location, *, ends: bool) -> LocatedDocument:
        starts, self._has_begun = not self._has_begun, True
        found = find_markup(text, is_part=not (starts and ends))
        if found is not None:
            line = text.count("\n", 0, found.first.start()) if self._has_lines else 0
            at = Location(location.path, location.line + line)
            text = self._tags.strip(text, found, at, is_told=self._has_tags)
            self._has_tags = True
        return location, PlainText(text, starts=starts, ends=ends)
