"""How fetching and checking data look."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from lumina_cli.cli.console import plain, print_aligned, print_text, stdout_console
from lumina_cli.cli.formatting import counted, format_bytes, format_duration
from lumina_cli.cli.terminal.frame import shorten_paths
from lumina_cli.conversation import Conversation, Document, Message
from lumina_cli.data.chats.message import same_name
from lumina_cli.data.report import Issues, ReadReport
from lumina_cli.io.shell_word import shell_word
from lumina_cli.io.terminal_text import one_line
from lumina_cli.recipes.data.check import Checked
from lumina_cli.recipes.data.cutting import Cutting
from lumina_cli.recipes.data.fetch import Fetched, FetchEvent, KnownData, Stage

NUM_LISTED = 12
LEAST_SHARE = 0.001
"""That is told in figures."""
ROLE_LABELS = {"system": "System", "user": "User", "bot": "Bot"}
IN_LOSS_STYLE = "green"
CONTEXT_STYLE = "dim"


class FetchView:
    """A progress bar on a terminal, and a line at the end."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            _TimeLeft(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, amount="")
        self._stage: tuple[str, str] = ("", "")

    def __enter__(self) -> "FetchView":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: FetchEvent) -> None:
        """Draw how far it is, or what was fetched."""
        if isinstance(event, Fetched):
            self._progress.stop()
            if not self._quiet:
                self._console.print(_summary(event))
            return
        what = one_line(event.what, max_chars=60)
        if (what, event.unit) != self._stage:  # what came before tells nothing of its pace
            self._stage = (what, event.unit)
            if event.unit == "rows" or not event.done:
                self._progress.reset(self._task)
        self._progress.update(
            self._task,
            description=what,
            completed=event.done,
            total=event.total,
            amount=amount_of(event),
        )


class _TimeLeft(TimeRemainingColumn):
    """The time left, once it can be told."""

    def render(self, task: Task) -> Text:
        """Return it as text; nothing where it is not known."""
        left_s = task.time_remaining
        return plain("" if left_s is None else f"{format_duration(left_s)} left")


def amount_of(stage: Stage) -> str:
    """Return how far a stage is, as in `3.1 MB of 40 MB` or `1,000 of 84,437 rows`."""
    if stage.unit == "rows":
        total = "" if stage.total is None else f" of {stage.total:,}"
        return f"{stage.done:,}{total} rows"
    if not stage.done:
        return ""
    total = "" if stage.total is None else f" of {format_bytes(stage.total)}"
    return f"{format_bytes(stage.done)}{total}"


def show_known(known: Iterable[KnownData]) -> None:
    """Print a table of the data sets."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "here", "licence", "what it is"):
        table.add_column(heading)
    for each in known:
        here = f"{each.folder}: {sum(each.rows.values()):,} rows" if each.rows else "-"
        cells = (each.name, here, each.licence, each.description)
        table.add_row(*map(_shown, cells))
    console = stdout_console()
    print_aligned(console, table)
    print_text(console, "Fetch one with: lumina data fetch NAME, or OWNER/NAME of the hub")


def show_check(checked: Checked, *, epoch_s: float | None, loss_on: Literal["bot", "all"]) -> None:
    """Print the page of `data check`; `epoch_s` is how long a model takes, if one was given."""
    console = stdout_console()
    facts = dict(_facts(checked, epoch_s=epoch_s))
    room = console.width - max(map(len, facts)) - 2
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        fits = shorten_paths(value, width=room) if console.is_terminal else value
        table.add_row(name, _shown(fits))
    print_aligned(console, table)
    report = checked.report
    for title, issues in (
        ("Skipped: can't be read", report.skipped),
        ("Left out: valid, but not selected", report.left_out),
        ("Warnings", report.notices),
    ):
        _show_issues(console, title, issues)
    if not checked.stats.previews:
        return
    legend = " (text in the loss is green)" if console.color_system else ""
    console.print(f"\nPreview{legend}", style="bold")
    for document in checked.stats.previews:
        preview = Padding(_preview(document, loss_on=loss_on), (0, 0, 1, 2), expand=False)
        print_aligned(console, preview)


def check_as_json(checked: Checked, *, epoch_s: float | None) -> dict[str, Any]:
    """Return all of the page as plain JSON values."""
    report, stats, plan = checked.report, checked.stats, checked.plan
    return {
        "files": {str(path): dict(schemas) for path, schemas in report.formats.items()},
        "rows": report.rows,
        "conversations": report.conversations,
        "texts": report.texts,
        "messages": dict(report.messages),
        "characters": report.characters,
        "distinct_characters": stats.distinct_characters,
        "rare_characters": stats.rare_characters,
        "scripts": dict(stats.scripts.most_common()),
        "longest_message": stats.longest_message,
        "over_seq_length": stats.too_long,
        "duplicates": stats.duplicates,
        "speakers": dict(report.speakers.most_common()),
        "bots": list(report.bots),
        "skipped": list(_issues_as_json(report.skipped)),
        "left_out": list(_issues_as_json(report.left_out)),
        "notices": list(_issues_as_json(report.notices)),
        "seq_length": plan.seq_length,
        "batch_size": plan.batch_size,
        "windows": plan.windows,
        "steps_per_epoch": plan.steps_per_epoch,
        "epoch_s": epoch_s,
        "trains": checked.refusal is None,
        **({"cutting": checked.cutting.to_json()} if checked.cutting else {}),
    }


def _cutting(cutting: Cutting) -> str:
    tokenizer, share = cutting.tokenizer, cutting.num_in_bytes / max(cutting.num_chars, 1)
    return (
        f"{tokenizer.vocab_size:,} ids, {len(tokenizer.character_ids):,} of them characters; an id "
        f"stands for {tokenizer.chars_per_id:.2f} characters; {share:.1%} of the text in bytes"
    )


def _facts(checked: Checked, *, epoch_s: float | None) -> Iterator[tuple[str, str]]:
    report, stats, plan = checked.report, checked.stats, checked.plan
    yield "Files", _formats(checked)
    if report.conversations:
        roles = ", ".join(f"{role} {count:,}" for role, count in report.messages.most_common())
        yield "Conversations", f"{report.conversations:,} (messages: {roles})"
    if report.speakers:
        yield "Speakers", _speakers(report)
    if report.texts:
        yield "Plain texts", f"{report.texts:,}"
    if not report.documents:
        return
    yield "Characters", f"{report.characters:,}, {stats.distinct_characters:,} distinct"
    total = max(stats.scripts.total(), 1)
    shares = [(name, count / total) for name, count in stats.scripts.most_common(8)]
    yield "Scripts", ", ".join(f"{name} {_share(share)}" for name, share in shares)
    if stats.rare_characters:
        rare = f"{stats.rare_characters:,} (spelled in bytes): {_characters(stats.rare_examples)}"
        yield "Rare characters", rare
    if cutting := checked.cutting:
        yield "Tokenizer", _cutting(cutting)
        yield "Cut into", _side_by_side(cutting.example)
    if report.conversations:
        yield "Longest message", f"{stats.longest_message:,} characters"
    share = stats.too_long / max(stats.documents, 1)
    window = f"{plan.seq_length:,} {'tokens' if checked.cutting else 'characters'}"
    yield (
        "Over one window",
        f"{stats.too_long:,} of {stats.documents:,} ({share:.1%}) have more than {window}",
    )
    yield "Duplicates", f"{stats.duplicates:,} of {stats.documents:,}"
    yield (
        "Training on it",
        f"{counted(plan.windows, 'window')} of {window} in each epoch, "
        f"{counted(plan.steps_per_epoch, 'step')} of {counted(plan.batch_size, 'window')}",
    )
    if epoch_s is not None:
        yield (
            "Time on this machine",
            f"{format_duration(epoch_s)} an epoch with this model, by a few trial steps",
        )


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= LEAST_SHARE else f"under {LEAST_SHARE:.1%}"


def _formats(checked: Checked) -> str:
    formats = checked.report.formats
    lines = [
        f"{path}: "
        + ", ".join(f"{counted(rows, 'row')} ({schema})" for schema, rows in schemas.most_common())
        for path, schemas in list(formats.items())[:NUM_LISTED]
    ]
    if len(formats) > NUM_LISTED:
        lines.append(f"… and {len(formats) - NUM_LISTED:,} more")
    return "\n".join(lines)


def _side_by_side(pieces: Iterable[str]) -> str:
    """Return pieces with a line between them, their spaces and ends of lines visible."""
    return "|".join(pieces).replace(" ", "␣").replace("\n", "↵")


def _speakers(report: ReadReport) -> str:
    """Return who speaks in the chats, the most talkative first, and who of them is the bot."""
    bots = set(map(same_name, report.bots))
    told = [
        f"{name} {count:,}" + (" (the bot)" if same_name(name) in bots else "")
        for name, count in report.speakers.most_common(NUM_LISTED)
    ]
    more = len(report.speakers) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more > 0 else "")


def _characters(text: str) -> str:
    """Return characters side by side, by their numbers where they can't stand alone."""
    text = text.replace(" ", "␣")
    stand_alone = (each.isprintable() and not unicodedata.combining(each) for each in text)
    pairs = zip(text, stand_alone, strict=True)
    return " ".join(each if alone else f"U+{ord(each):04X}" for each, alone in pairs)


def _show_issues(console: Console, title: str, issues: Issues) -> None:
    if not issues.total:
        return
    console.print(f"\n{title}", style="bold")
    width = max(len(f"{count.count:,}") for _, count in issues)
    for wording, count in issues:
        example = f" ({count.example})" if count.example else ""
        print_text(
            console, f"{count.count:>{width},}  {wording}{example}", indent=" " * (width + 2)
        )
        print_text(console, f"{'':<{width}}  first: {count.first}", style="dim")


def _preview(document: Document, *, loss_on: Literal["bot", "all"]) -> Text:
    if not isinstance(document, Conversation):
        return _shown(document.text, style=IN_LOSS_STYLE)
    lines = [_preview_message(message, loss_on=loss_on) for message in document.messages]
    return Text("\n").join(lines)


def _preview_message(message: Message, *, loss_on: Literal["bot", "all"]) -> Text:
    is_learnt = message.in_loss and (loss_on == "all" or message.role == "bot")
    label = ROLE_LABELS[message.role] + ("" if is_learnt else " (context)")
    style = IN_LOSS_STYLE if is_learnt else CONTEXT_STYLE
    return Text(f"{label}: ", style="bold").append_text(_shown(message.text, style=style))


def _issues_as_json(issues: Issues) -> Iterator[dict[str, Any]]:
    for wording, count in issues:
        yield {
            "reason": wording,
            "count": count.count,
            "first": str(count.first),
            "example": count.example,
        }


def _summary(fetched: Fetched) -> Text:
    files = fetched.manifest["files"]
    size = sum(file["bytes"] for file in files.values())
    rows = ", ".join(f"{part} {count:,}" for part, count in fetched.manifest["rows"].items())
    begin = "is there already, whole" if fetched.was_there else "is ready"
    return plain(
        f"{fetched.folder} {begin}: {rows} rows, {format_bytes(size)}.\n"
        f"Look at it: lumina data check {shell_word(fetched.folder)}   "
        f"Train on it: lumina train --data {shell_word(fetched.folder)}"
    )


def _shown(text: str, *, style: str = "") -> Text:
    """Return text from data or names, safe to draw."""
    return plain(text.encode("utf-8", "replace").decode(), style=style)
