"""What a model said in the course of a run."""

import re
from collections.abc import Iterable

from lumina_cli.recipes.run.report_page.buckets import Buckets
from lumina_cli.recipes.run.report_page.history import FirstAndLast
from lumina_cli.recipes.run.report_page.progress import progress_section


def section(
    said: Iterable[tuple[int, str]], *, loss: Buckets | None = None, **more: str | None
) -> str:
    samples = FirstAndLast(first=10, last=50)
    for step, text in said:
        samples.add({"event": "Sampled", "step": step, "text": text, **more})
    training = loss or Buckets()
    return progress_section([samples], training=training, chars_per_id=1.0)


def test_without_samples_there_is_nothing() -> None:
    assert section([]) == ""


def test_what_was_said_again_is_folded() -> None:
    page = section([(10, "xq"), (20, "7."), (30, "7."), (40, "7.\n"), (50, "8.")])
    assert re.findall("<pre>(.*?)</pre>", page) == ["xq", "7.", "8."]
    assert "steps 20 to 40, the same 3 times" in page
    assert "<details>" not in page


def test_of_many_those_where_steps_have_doubled_are_shown_and_the_others_folded() -> None:
    page = section([(step, f"text {step}") for step in range(100, 3300, 100)])
    assert len(re.findall("<pre>", page)) == 32
    open_ = re.sub("<details>.*?</details>", "", page)
    shown = [int(step) for step in re.findall("<pre>text ([0-9]+)</pre>", open_)]
    assert shown == [100, 200, 400, 800, 1600, 3200]
    assert "3 more, steps 500 to 700" in page
    assert "1 more, step 300" in page


def test_the_loss_where_a_text_was_said_stands_beside_it() -> None:
    loss = Buckets()
    for step in (1, 2, 3):
        loss.add(step, 1.5)
    page = section([(0, "a"), (2, "b")], loss=loss)
    assert page.count("1.5 nats") == 1
    assert "step 2, training loss" in page


def test_what_it_was_asked_is_told_as_text() -> None:
    assert "the prompt was: 3 &lt; 4?" in section([(1, "Yes")], prompt="3 < 4?")
    assert "began a text from nothing" in section([(1, "Yes")], prompt=None)
    assert "Each time" not in section([(1, "Yes")])  # of an older run


def test_a_model_that_says_nothing_is_told() -> None:
    assert "(nothing)" in section([(1, "\n")])
