"""What a report tells of fine-tuning: before and after, and the characters that were added."""

from lumina_cli.recipes.run import TrainReport

MOST_CHARACTERS = 40
"""Shown of those that were added."""


def finetuned_rows(report: TrainReport) -> dict[str, str]:
    """Return what fine-tuning came to: the new text, the old text, the characters."""
    base = report.base
    if base is None:
        return {}
    rows = {
        "new text": _before_after(base.before.new, report.best_nats_per_char),
        "old text": _before_after(base.before.kept, report.kept_nats_per_char),
        "characters": f"{len(report.characters_added):,} added",
    }
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
