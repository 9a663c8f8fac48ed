"""What a run tells of itself: beside its first event, and on its page."""

from datetime import UTC, datetime

from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.recipes.run.reached import Landmarks
from lumina_cli.recipes.train.plan import Plan


def run_facts(plan: Plan, *, corpus: Corpus, landmarks: Landmarks) -> dict[str, object]:
    """Return what stands beside `RunStarted` in `metrics.jsonl`: plain values, losses in nats."""
    counting = landmarks.counting
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "is_chat": bool(corpus.train_counts.conversations),
        "num_parameters": plan.num_parameters,
        "train_chars": plan.train.chars,
        "val_chars": plan.validation.chars,
        "planned_steps": plan.steps,
        "num_ids": landmarks.num_ids,
        "chars_per_id": landmarks.chars_per_id,
        "guessing": landmarks.guessing,
        "letters": counting.letters if counting else None,
        "spelling": min(counting.words, counting.pairs) if counting else None,
    }


def page_facts(plan: Plan, *, num_steps: int) -> dict[str, str]:
    """Return what the page of a run says first."""
    return {
        **plan.more,
        "model": f"{plan.out}, {plan.num_parameters:,} parameters",
        "data": f"{', '.join(plan.data)}: {plan.train.chars:,} characters to learn from, "
        f"{plan.validation.chars:,} to measure with",
        "computed on": f"{plan.device}, {plan.precision.name} ({plan.precision.why})",
        "steps done": f"{num_steps:,}",
    }
