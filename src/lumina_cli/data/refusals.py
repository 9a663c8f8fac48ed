"""What is said of files that were read and gave nothing to learn from."""

from collections.abc import Sequence
from pathlib import Path

from lumina_cli.data.chats.reader import unknown_bots
from lumina_cli.data.chats.speakers import told_speakers
from lumina_cli.data.report import ReadReport, example_of
from lumina_cli.errors import DataError, LuminaError, MissingInputError, UsageError


def refusal_of(
    report: ReadReport, *, paths: Sequence[Path], allow_skips: bool
) -> LuminaError | None:
    """Return the error for too many skipped rows, or no text at all; None for good data."""
    too_many = None if allow_skips else report.too_many_skipped()
    if too_many or report.documents:
        return too_many
    return _nobody_of_that_name(report) or _nothing_left(report, paths=paths)


def _nobody_of_that_name(report: ReadReport) -> LuminaError | None:
    """Return the error for chats in which nobody is called as the settings say, or None."""
    unknown = unknown_bots(report)
    if not unknown or len(unknown) < len(report.bots):
        return None
    return UsageError(
        f"nobody in the chats is called {unknown[0]!r}",
        hint=f"Name one of the speakers: --bot NAME. They are: {told_speakers(report.speakers)}",
    )


def _nothing_left(report: ReadReport, *, paths: Sequence[Path]) -> LuminaError:
    """Return the error for data that was read and gave nothing."""
    where = ", ".join(map(str, paths))
    issues = [*report.left_out, *report.skipped]
    if not issues:
        return MissingInputError(
            f"{where} holds no text", hint="`lumina data fetch starter` writes some to begin with."
        )
    wording, issue = max(issues, key=lambda each: each[1].count)
    return DataError(
        f"{issue.first}: {wording}{example_of(issue)}; nothing is left of {where}",
        hint="`lumina data check` shows what was met, and why it is not read.",
    )
