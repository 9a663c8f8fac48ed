"""What reading met: what was read, what was not, why, and where first.

Every reader writes into one `ReadReport`. Three kinds of remarks stand apart:

    skipped     rows that can't be read as what they should be; they count against the 5 %
    left out    sound rows that were not asked for (deleted, another language, no reply)
    notices     what was read, but deserves a look

A remark has a fixed wording, so that a million of the same take one entry; what varies
(a role, a key) goes into the example of the first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lumina_cli.conversation import Conversation, Document, PlainText, Role
from lumina_cli.errors import DataError

MAX_SKIPPED_SHARE = 0.05


class Place(NamedTuple):
    """A line of a text file or a row of a table, counted from 1; 0 is the file as a whole."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(slots=True)
class IssueCount:
    """How often something was met, and where first."""

    first: Place
    example: str = ""
    count: int = 0


class Issues:
    """Tallies by wording."""

    def __init__(self) -> None:
        self._tallies: dict[str, IssueCount] = {}

    def add(self, wording: str, place: Place, *, count: int = 1, example: str = "") -> None:
        """Count what was met at `place`; the example of the first is kept."""
        self._tallies.setdefault(wording, IssueCount(place, example)).count += count

    def __iter__(self) -> Iterator[tuple[str, IssueCount]]:
        """Yield the wordings, the most frequent first."""
        yield from sorted(self._tallies.items(), key=lambda item: -item[1].count)

    def __len__(self) -> int:
        """Return how many wordings there are."""
        return len(self._tallies)

    def __getitem__(self, wording: str) -> int:
        """Return how often it was met."""
        tally = self._tallies.get(wording)
        return tally.count if tally else 0

    @property
    def total(self) -> int:
        return sum(tally.count for tally in self._tallies.values())


@dataclass(slots=True)
class ReadReport:
    """What one pass over the files gave.

    `rows` counts what was met: messages of OASST files, lines or objects of other rows,
    messages of tagged text, and 1 for a plain text.
    """

    formats: dict[Path, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rows: int = 0
    conversations: int = 0
    texts: int = 0
    characters: int = 0
    messages: Counter[Role] = field(default_factory=Counter)
    skipped: Issues = field(default_factory=Issues)
    left_out: Issues = field(default_factory=Issues)
    notices: Issues = field(default_factory=Issues)

    @property
    def documents(self) -> int:
        return self.conversations + self.texts

    def saw_row(self, path: Path, shape: str) -> None:
        """Count one row of `path`, read as `shape`."""
        self.rows += 1
        self.formats[path][shape] += 1

    def saw_document(self, document: Document) -> None:
        """Count what is handed on; a message that is there as context is not counted twice."""
        if isinstance(document, PlainText):
            self.texts += document.starts
            self.characters += len(document.text)
            return
        self._saw_conversation(document)

    def _saw_conversation(self, conversation: Conversation) -> None:
        self.conversations += 1
        for message in conversation.messages:
            if message.in_loss:
                self.messages[message.role] += 1
                self.characters += len(message.text)

    def too_many_skipped(self) -> DataError | None:
        """Return the error to raise when more rows than bearable could not be read."""
        skipped = self.skipped.total
        if skipped <= MAX_SKIPPED_SHARE * max(self.rows, 1):
            return None
        wording, tally = next(iter(self.skipped))
        hint = "`lumina data check` shows them all; --allow-skips goes on without them."
        if skipped >= self.rows:
            hint = "Nothing would be left; docs/data.md shows the formats that can be read."
        return DataError(
            f"{tally.first}: {wording}{example_of(tally)}; "
            f"{skipped:,} of {self.rows:,} rows can't be read",
            hint=hint,
        )


def example_of(tally: IssueCount) -> str:
    """Return the example of a tally in brackets, or nothing."""
    return f" ({tally.example})" if tally.example else ""
