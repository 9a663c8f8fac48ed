"""What to expect of a run, told in its plan; measured in docs/how-good.md."""

from lumina_cli.recipes.train.plan import Plan

BY_MILLIONS = (
    (0.3, "letters that are frequent, hardly a word"),
    (1.0, "letters in a likely order, parts of words"),
    (4.0, "words, most of them spelled right; no sense yet"),
    (float("inf"), "words and short phrases in the manner of the text; little sense"),
)
"""Below so many million characters that are read with Muon: what samples look like."""

TIMES_SLOWER = 6
"""AdamW reads so many times as much for the same: after 1.7 million characters of Shakespeare it
was at 2.56 nats (2 layers, 96 wide) and had no words yet."""

CHARS_PER_S = 31_000
"""That a model to suit the time reads on two CPU cores, where the clock ends the run."""


def expectation(plan: Plan) -> str:
    """Return what the model will be able to do at the end; nothing where that can't be said.

    A GPU reads far more in the same time, and a model that is fine-tuned has learnt before.
    """
    if not plan.device.startswith("cpu") or "base model" in plan.more:
        return ""
    chars = CHARS_PER_S * plan.seconds
    if plan.steps is not None:
        chars = plan.steps / plan.steps_per_epoch * plan.train.chars
    if plan.optimizer != "muon":
        chars /= TIMES_SLOWER
    told = next(told for millions, told in BY_MILLIONS if chars < millions * 1e6)
    return f"{told} (lumina docs how-good)"
