"""The report of a pass over files: what was read, what was not, why, and where first.

Every reader writes into one `ReadReport`. It keeps three kinds of issues apart:

    skipped     rows that can't be read; they count against the limit of 5 %
    left out    valid rows that are not wanted (deleted, another language, no reply)
    notices     what was read, but the user should look at

An issue has a fixed wording, so that a million of the same take one entry; what varies (a role,
a key) goes into the example of the first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lumina_cli.conversation import Document, Role
from lumina_cli.errors import DataError
from lumina_cli.tokenizer.document_batch import IN_LOSS, SPEAKERS, STARTS, DocumentBatch

UNKNOWN_KEYS = "its keys are those of no known format"
MAX_SKIPPED_SHARE = 0.05
_NUMBERS = ("rows", "conversations", "texts", "characters")
_COUNTERS = ("messages", "speakers")
_ISSUES = ("skipped", "left_out", "notices")


class Location(NamedTuple):
    """A line of a text file or a row of a table, counted from 1; 0 is the file as a whole."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


LocatedDocument = tuple[Location, Document]
"""A document and where it begins."""


@dataclass(slots=True)
class IssueCount:
    """How often an issue was met, and where first."""

    first: Location
    example: str = ""
    count: int = 0


class Issues:
    """Issues of one kind, counted by their wording."""

    def __init__(self) -> None:
        self._counts: dict[str, IssueCount] = {}

    def add(self, wording: str, location: Location, *, count: int = 1, example: str = "") -> None:
        """Count an issue met at `location`; the example of the first is kept."""
        self._counts.setdefault(wording, IssueCount(location, example)).count += count

    def __iter__(self) -> Iterator[tuple[str, IssueCount]]:
        """Yield the wordings, the most frequent first."""
        yield from sorted(self._counts.items(), key=lambda item: -item[1].count)

    def __len__(self) -> int:
        """Return how many wordings there are."""
        return len(self._counts)

    def __getitem__(self, wording: str) -> int:
        """Return how often it was met."""
        issue = self._counts.get(wording)
        return issue.count if issue else 0

    @property
    def total(self) -> int:
        return sum(issue.count for issue in self._counts.values())

    def to_json(self) -> list[list[Any]]:
        """Return the issues in the order they were met, as JSON can hold them."""
        return [
            [wording, str(each.first.path), each.first.line, each.example, each.count]
            for wording, each in self._counts.items()
        ]

    @classmethod
    def from_json(cls, values: list[list[Any]]) -> "Issues":
        issues = cls()
        for wording, path, line, example, count in values:
            issues.add(wording, Location(Path(path), line), count=count, example=example)
        return issues


@dataclass(slots=True)
class ReadReport:
    """What one pass over the files gave.

    `formats` counts the rows of each file by their schema. `rows` counts all that was met:
    messages of OASST files, lines or objects of other rows, messages of tagged text, and 1 for a
    plain text. `speakers` counts the messages of people in chats, and `bots` names those of them
    who are the bot.
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
    speakers: Counter[str] = field(default_factory=Counter)
    bots: tuple[str, ...] = ()

    @property
    def documents(self) -> int:
        return self.conversations + self.texts

    def saw_row(self, path: Path, schema: str) -> None:
        """Count one row of `path`, read by `schema`."""
        self.saw_rows(path, schema, count=1)

    def saw_rows(self, path: Path, schema: str, *, count: int) -> None:
        """Count rows of `path`, read by `schema`."""
        self.rows += count
        self.formats[path][schema] += count

    def saw_batch(self, batch: DocumentBatch) -> None:
        """Count documents that are kept; of messages only those that count in the loss."""
        of_text = np.repeat(batch.is_text, batch.num_texts)
        self.texts += int(np.count_nonzero(batch.kinds & STARTS))
        self.conversations += len(batch) - int(np.count_nonzero(batch.is_text))
        self.characters += int(batch.lengths[of_text | IN_LOSS[batch.speakers]].sum())
        counts = np.bincount(batch.speakers[~of_text], minlength=len(SPEAKERS)).tolist()
        for (role, in_loss), count in zip(SPEAKERS, counts, strict=True):
            if in_loss and count:
                self.messages[role] += count

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "formats": {str(path): dict(schemas) for path, schemas in self.formats.items()},
            **{name: getattr(self, name) for name in _NUMBERS},
            **{name: dict(getattr(self, name)) for name in _COUNTERS},
            **{name: getattr(self, name).to_json() for name in _ISSUES},
            "bots": list(self.bots),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ReadReport":
        report = cls(bots=tuple(values["bots"]))
        for names, kind in ((_NUMBERS, int), (_COUNTERS, Counter), (_ISSUES, Issues.from_json)):
            for name in names:
                setattr(report, name, kind(values[name]))
        for path, schemas in values["formats"].items():
            report.formats[Path(path)] = Counter(schemas)
        return report

    def too_many_skipped(self) -> DataError | None:
        """Return the error for more than 5 % of skipped rows, or None."""
        skipped = self.skipped.total
        if skipped <= MAX_SKIPPED_SHARE * max(self.rows, 1):
            return None
        wording, issue = next(iter(self.skipped))
        hint = "`lumina data check` shows them all; --allow-skips goes on without them."
        if skipped >= self.rows:
            hint = "Nothing would be left. The formats that can be read: lumina docs data"
            if wording == UNKNOWN_KEYS:
                hint = (
                    "Say which keys to read: --columns question=KEY,answer=KEY (lumina docs data)"
                )
        return DataError(
            f"{issue.first}: {wording}{example_of(issue)}; "
            f"{skipped:,} of {self.rows:,} rows can't be read",
            hint=hint,
        )


def example_of(issue: IssueCount) -> str:
    """Return the example of an issue in brackets, or an empty text."""
    return f" ({issue.example})" if issue.example else ""
