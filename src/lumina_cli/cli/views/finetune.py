"""What a report tells of fine-tuning: before and after, and the characters that were added."""

from lumina_cli.recipes.run.report import TrainReport

MOST_CHARACTERS = 40
"""Shown of those that were added."""


MOST_FORGOTTEN = 0.1
"""Of the loss on old text; a higher rise is told with what helps."""


def forgetting_advice(report: TrainReport) -> str | None:
    """Return what helps where much was forgotten; None where it was not."""
    before = report.base.loss.replay if report.base else None
    if before is None or report.base_loss is None:
        return None
    rise = report.base_loss / before - 1 if before else 0.0
    if rise <= MOST_FORGOTTEN:
        return None
    helps = "--max-forgetting 0.1, a larger --replay-ratio, or more --epochs"
    if not report.is_replayed:
        helps = (
            "to repeat some of it (--replay auto, or --replay PATH), --max-forgetting 0.1, "
            "or --freeze-layers N"
        )
    return (
        f"The old text is predicted {rise:.0%} worse than before. What keeps more of it: {helps}."
    )


def finetuned_rows(report: TrainReport) -> dict[str, str]:
    """Return what fine-tuning came to: the new text, the old text, the characters."""
    base = report.base
    if base is None:
        return {}
    rows = {
        "new text": _before_after(base.loss.new, report.best_nats_per_char),
        "old text": _before_after(base.loss.replay, report.base_loss),
        "characters": f"{len(report.characters_added):,} added",
    }
    if report.share < 1:
        rows["old text"] += f"; {report.share:.0%} of what was learnt is in the model for that"
    if report.characters_added:
        shown = "".join(filter(str.isprintable, report.characters_added[:MOST_CHARACTERS]))
        more = "…" if len(report.characters_added) > MOST_CHARACTERS else ""
        rows["characters"] += f": {shown}{more}"
    return rows


def _before_after(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "not measured"
    change = (after - before) / before if before else 0.0
    return f"{before:.4f} → {after:.4f} nats a character ({change:+.1%})"
