"""What the loss chart says of a run."""

import math
import re
from collections.abc import Iterable, Mapping

import pytest

from lumina_cli.data.stats.ngrams import CountingLoss
from lumina_cli.recipes.run.reached import Landmarks
from lumina_cli.recipes.run.report_page.history import RunHistory
from lumina_cli.recipes.run.report_page.loss_chart import loss_section

BIT = math.log(2)
"""In nats: figures below are given in bits."""

LANDMARKS = Landmarks(
    num_ids=256,
    chars_per_id=1.0,
    guessing=8 * BIT,
    counting=CountingLoss(letters=4 * BIT, pairs=3 * BIT, words=2 * BIT),
)


def told(
    training: Iterable[float],
    validation: Mapping[int, float],
    *,
    base: Mapping[int, float] | None = None,
    landmarks: Landmarks | None = None,
) -> str:
    """Return the words beside the chart of losses in bits, without their markup."""
    history = RunHistory()
    for step, bits in enumerate(training, start=1):
        history.add({"event": "StepDone", "step": step, "loss": bits * BIT})
    for step, bits in validation.items():
        old = {"base_loss": base[step] * BIT} if base else {}
        history.add({"event": "Evaluated", "step": step, "nats_per_char": bits * BIT, **old})
    page = re.sub('<span class="nats">.*?</span>', "", loss_section(history, landmarks))
    return re.sub("<[^>]*>", "", page)


def falling(first: float, last: float, *, num_steps: int = 100) -> list[float]:
    return [first + (last - first) * step / (num_steps - 1) for step in range(num_steps)]


def test_a_run_that_has_not_begun_has_no_chart() -> None:
    assert told([], {}) == ""


def test_figures_at_the_beginning_and_the_end_are_told() -> None:
    page = told([8.0] * 50 + [3.0] * 50, {0: 8.0, 100: 3.2})
    assert "8 bits at step 1, 3 bits over the last tenth of the steps" in page
    assert "8 bits a character at step 0, 3.2 bits at step 100. That is the lowest so far" in page
    assert "overfit" not in page


def test_validation_that_rises_while_training_falls_is_overfitting() -> None:
    page = told(falling(8, 1), {0: 8.0, 50: 3.0, 100: 4.0})
    assert "It was lowest at step 50 (3 bits) and has risen since" in page
    # The means over steps 41 to 50 and 91 to 100.
    assert "while training fell from 4.85 bits to 1.32 bits: the model overfits" in page


def test_validation_that_rises_with_training_is_no_overfitting() -> None:
    page = told(falling(8, 3, num_steps=50) + falling(3, 6, num_steps=50), {0: 8.0, 50: 3, 100: 6})
    assert "It was lowest at step 50 (3 bits) and has risen since, and training has not" in page
    assert "the model overfits" not in page


def test_validation_that_hardly_changes_after_its_lowest_has_not_risen() -> None:
    page = told(falling(8, 1), {0: 8.0, 50: 3.0, 100: 3.01})
    assert "The lowest was 3 bits at step 50; it has hardly changed since." in page
    assert "overfit" not in page


@pytest.mark.parametrize("last", [8.0, 9.0])
def test_validation_that_never_fell_is_told(last: float) -> None:
    page = told(falling(8, 7), {0: 8.0, 100: last})
    assert "It has not fallen" in page
    assert "lowest" not in page


def test_a_single_measurement_has_no_direction() -> None:
    assert "A single measurement has no direction." in told([8.0], {0: 8.0})


def test_without_steps_validation_alone_is_told() -> None:
    page = told([], {0: 8.0, 1: 4.0, 2: 5.0})
    assert "It was lowest at step 1 (4 bits) and has risen since, so the last steps" in page
    assert "Training" not in page


def test_text_learnt_before_is_kept_or_forgotten() -> None:
    validation = {0: 5.0, 10: 3.0}
    assert "some of the old text is forgotten" in told([], validation, base={0: 2.0, 10: 2.5})
    assert "old text is not forgotten" in told([], validation, base={0: 2.0, 10: 2.01})
    assert "better than before" in told([], validation, base={0: 2.0, 10: 1.5})
    assert "Text learnt before" not in told([], validation)


def test_validation_is_told_beside_guessing_letter_frequency_and_spelling() -> None:
    page = told([], {0: 8.1, 10: 3.9, 20: 4.2, 30: 3.5}, landmarks=LANDMARKS)
    each = r"comes to 8 bits: each of 256 ids as likely as any other. Validation has been below "
    assert re.search(each + "this since step 10", page)
    assert re.search(r"comes to 4 bits: [^.]*. Validation has been below this since step 30", page)
    assert re.search(r"comes to 2 bits: [^.]*. Validation has not come below this", page)


def test_validation_that_is_above_a_mark_again_is_told_so() -> None:
    page = told([], {0: 8.1, 10: 3.9, 20: 4.2}, landmarks=LANDMARKS)
    assert re.search(r"4 bits: [^.]*. Validation was below this, and no longer is.", page)


def test_what_is_not_known_has_no_line() -> None:
    uncounted = Landmarks(num_ids=256, chars_per_id=1.0, guessing=8 * BIT, counting=None)
    page = told([8.0], {0: 8.0}, landmarks=uncounted)
    assert "Guessing" in page
    assert "Letter frequency" not in page
    assert "Guessing" not in told([8.0], {0: 8.0})


def test_the_training_loss_of_subwords_is_told_per_character() -> None:
    subwords = Landmarks(num_ids=4096, chars_per_id=3.0, guessing=4 * BIT, counting=None)
    page = told([12.0, 6.0], {0: 4.0}, landmarks=subwords)
    assert "4 bits at step 1, 2 bits over the last tenth" in page
    assert "(an id counted as 3.00 characters)" in page


def test_a_figure_is_there_in_nats_too() -> None:
    history = RunHistory()
    history.add({"event": "Evaluated", "step": 0, "nats_per_char": 1.5})
    page = loss_section(history, None)
    assert '<span class="bits">2.16 bits</span><span class="nats">1.5 nats</span>' in page
