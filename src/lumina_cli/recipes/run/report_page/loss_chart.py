"""The loss over a run, and what each of its curves says of this run."""

import math
from collections.abc import Sequence

from lumina_cli.recipes.run.reached import Landmarks
from lumina_cli.recipes.run.report_page.buckets import Bucket
from lumina_cli.recipes.run.report_page.charts import Curve, Mark, Unit, chart, in_units
from lumina_cli.recipes.run.report_page.history import RunHistory
from lumina_cli.recipes.run.report_page.points import in_steps, mean_until, points

UNITS = (Unit("bits", 1.0, "bits"), Unit("nats", math.log(2), "nats"))
"""Figures are drawn in bits."""
BITS_PER_NAT = 1 / math.log(2)

CLEARLY = 0.01
"""Of a loss: less is what measuring a part of a text, or the order of batches, comes to."""

SWITCH = (
    '<span class="switch"><input type="checkbox" id="in-nats"/>'
    '<label for="in-nats">in nats</label></span>'
)


def loss_section(history: RunHistory, landmarks: Landmarks | None) -> str:
    """Return the chart with a sentence for each curve; empty where there is no loss yet."""
    chars_per_id = landmarks.chars_per_id if landmarks else 1.0
    measured = history.curves["nats_per_char"]
    curves = [
        Curve(
            "Training",
            "training",
            points(history.curves["loss"], scale=BITS_PER_NAT / chars_per_id),
            _training(history, chars_per_id),
        ),
        Curve(
            "Validation",
            "validation",
            points(measured, scale=BITS_PER_NAT),
            _validation(history, chars_per_id),
            has_dots=True,
        ),
        Curve(
            "Text learnt before",
            "base",
            points(history.curves["base_loss"], scale=BITS_PER_NAT),
            _base(history.curves["base_loss"].ordered()),
            has_dots=True,
        ),
    ]
    marks = _marks(landmarks, measured.ordered()) if landmarks else []
    drawn = chart("Loss in bits a character", curves, units=UNITS, marks=marks)
    if not drawn:
        return ""
    return (
        '<section><h2>Loss</h2><p class="quiet">How surprising each next character is to the '
        f"model, on average, in {_unit_names()}: 0 would mean that it knows every one beforehand. "
        f"{SWITCH}</p>{drawn}</section>"
    )


def _unit_names() -> str:
    return "".join(f'<span class="{unit.kind}">{unit.name}</span>' for unit in UNITS)


def loss(nats: float) -> str:
    """Return a loss with its unit as HTML."""
    return in_units(nats * BITS_PER_NAT, UNITS)


def _training(history: RunHistory, chars_per_id: float) -> str:
    buckets = history.curves["loss"].ordered()
    if not buckets:
        return ""
    first = buckets[0]
    last = mean_until(buckets, buckets[-1].last_step)
    told = f"is the loss on what the model learns from: {loss(first.mean / chars_per_id)} at "
    told += in_steps(first)
    if len(buckets) > 1:
        told += f", {loss(last / chars_per_id)} over the last tenth of the steps"
    if chars_per_id != 1:
        told += f" (an id counted as {chars_per_id:.2f} characters)"
    if any(each.low != each.high for each in buckets):
        told += ". The band goes from the least to the most of single steps"
    return told + "."


def _validation(history: RunHistory, chars_per_id: float) -> str:
    buckets = history.curves["nats_per_char"].ordered()
    if not buckets:
        return ""
    first, last, best = buckets[0], buckets[-1], min(buckets, key=lambda each: each.mean)
    told = f"is the loss on text that the model does not learn from: {loss(first.mean)} a "
    told += f"character at {in_steps(first)}"
    if len(buckets) == 1:
        return told + ". A single measurement has no direction."
    told += f", {loss(last.mean)} at {in_steps(last)}. "
    if best is first:
        return told + "It has not fallen: nothing that helps with other text has been learnt."
    if last.mean <= best.mean * (1 + CLEARLY):
        return told + _lowest(best, last)
    risen = f"It was lowest at {in_steps(best)} ({loss(best.mean)}) and has risen since, "
    return told + risen + _meanwhile(history.curves["loss"].ordered(), best, chars_per_id)


def _lowest(best: Bucket, last: Bucket) -> str:
    if best is last:
        return "That is the lowest so far: what was learnt helps with other text, too."
    return f"The lowest was {loss(best.mean)} at {in_steps(best)}; it has hardly changed since."


def _meanwhile(training: Sequence[Bucket], best: Bucket, chars_per_id: float) -> str:
    """Return what training did while validation rose."""
    if not training:
        return "so the last steps made it worse on other text."
    before = mean_until(training, best.last_step)
    after = mean_until(training, training[-1].last_step)
    if after < before * (1 - CLEARLY):
        return (
            f"while training fell from {loss(before / chars_per_id)} to "
            f"{loss(after / chars_per_id)}: the model overfits, it learns its text by heart. More "
            "text helps, or a smaller model, or a higher <code>--dropout</code>."
        )
    return (
        "and training has not fallen meanwhile: that is no overfitting. A lower "
        "<code>--learning-rate</code> may help."
    )


def _base(buckets: Sequence[Bucket]) -> str:
    if not buckets:
        return ""
    first, last = buckets[0], buckets[-1]
    told = f"is the loss on what the base model knew: {loss(first.mean)} a character at "
    told += in_steps(first)
    if len(buckets) == 1:
        return told + "."
    told += f", {loss(last.mean)} at {in_steps(last)}. "
    if last.mean > first.mean * (1 + CLEARLY):
        return told + "It has risen: some of the old text is forgotten."
    if last.mean < first.mean * (1 - CLEARLY):
        return told + "It has fallen: the model knows the old text better than before."
    return told + "It has hardly changed: the old text is not forgotten."


def _marks(landmarks: Landmarks, measured: Sequence[Bucket]) -> list[Mark]:
    guessing = f"each of {landmarks.num_ids:,} ids as likely as any other"
    known = [("Guessing", "guessing", landmarks.guessing, guessing)]
    if (counting := landmarks.counting) is not None:
        letters = "to know how frequent each character is, and nothing else"
        words = "to know what usually follows up to four characters, and nothing else"
        known.append(("Letter frequency", "letters", counting.letters, letters))
        known.append(("Spelling", "spelling", min(counting.words, counting.pairs), words))
    return [
        Mark(
            name,
            kind,
            nats * BITS_PER_NAT,
            f"comes to {loss(nats)}: {what}. {_beside(nats, measured)}",
        )
        for name, kind, nats, what in known
    ]


def _beside(nats: float, measured: Sequence[Bucket]) -> str:
    """Return where validation is beside a mark."""
    since = None
    for each in reversed(measured):
        if each.mean >= nats:
            break
        since = each
    if since is not None:
        return f"Validation has been below this since {in_steps(since)}."
    if any(each.mean < nats for each in measured):
        return "Validation was below this, and no longer is."
    return "Validation has not come below this." if measured else ""
