"""How a training run looks."""

import io
import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from lumina_cli.cli.views.train import (
    CompositeView,
    LineView,
    LiveView,
    NullView,
    make_view,
)
from lumina_cli.cli.views.train_panels import show_plan, show_report
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import TrainingMemory
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.events import (
    BatchSplit,
    EpochDone,
    Evaluated,
    Paced,
    Sampled,
    StepDone,
)
from lumina_cli.data.corpus.encoder import SplitCounts
from lumina_cli.recipes.infer.starter_eval import FamilyScore, StarterEvalResult
from lumina_cli.recipes.run.events import RunEvent
from lumina_cli.recipes.run.report import TrainReport
from lumina_cli.recipes.train.plan import Plan

PLAN = Plan(
    data=("a.txt", "[red]b.txt\x1b"),
    train=SplitCounts(conversations=90, texts=1, chars=1_115_394),
    validation=SplitCounts(conversations=10, texts=0, chars=2_000),
    vocab_size=327,
    num_characters=65,
    model=ModelConfig(hidden_size=64, num_layers=4, num_heads=4, seq_length=96),
    num_parameters=19_017_728,
    memory=TrainingMemory(1_000_000, 1_000_000, 2_000_000, 8_000_000),
    steps=400,
    steps_per_epoch=40,
    seconds=180.0,
    device="cpu (2 threads)",
    precision=choose_precision("fp32", device=torch.device("cpu")),
    out=Path("Model.pth"),
)
STEP = StepDone(
    step=1200,
    epoch=0,
    loss=math.log(2),
    accuracy=0.75,
    grad_norm=1.0,
    learning_rate=3e-4,
    num_chars=500,
    progress=0.5,
    elapsed_s=60.0,
)
EVALUATED = Evaluated(
    step=20, nats_per_char=1.5, bits_per_char=2.164, accuracy=0.5, is_best=True, seconds=0.1
)
REPORT = TrainReport(
    model=Path("Model.pth"),
    run_folder=Path("Model.run"),
    steps=400,
    best_nats_per_char=math.log(2),
    chars_per_s=12_345.6,
    peak_memory_bytes=500_000_000,
    seconds=185.0,
    stop_reason="max_steps",
)


def console(*, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=120, force_terminal=terminal, color_system=None, highlight=False
    )


def printed(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def lines(*events: RunEvent) -> list[str]:
    screen = console()
    with LineView(screen) as view:
        for event in events:
            view.show(event)
    return printed(screen).splitlines()


def test_the_view_suits_where_it_is_shown() -> None:
    assert isinstance(make_view(console(), plan=PLAN, quiet=True), NullView)
    assert isinstance(make_view(console(), plan=PLAN, quiet=False), LineView)
    assert isinstance(make_view(console(terminal=True), plan=PLAN, quiet=False), LiveView)


def test_an_epoch_is_one_line_of_figures() -> None:
    epoch = EpochDone(
        epoch=2,
        step=30,
        loss=1.23456,
        accuracy=0.5,
        learning_rate=3e-4,
        seconds=1.25,
        elapsed_s=70.0,
    )
    assert lines(epoch) == [
        "Epoch   3 | Loss: 1.2346 | Accuracy: 50.00% | LR: 3.00e-04 | Time: 1.2s | Elapsed: 70.0s"
    ]


def test_a_measurement_is_one_line_and_tells_the_best() -> None:
    assert lines(EVALUATED) == [
        "Step     20 | Validation: 1.5000 nats/char, 2.1640 bits/char, accuracy 50.00% "
        "(best so far)"
    ]


def test_how_ranks_keep_up_stands_beside_figures() -> None:
    pace = Paced(step=20, num_ranks=8, slowest=3, waiting=0.125)
    told = "8 processes, 12% of their time waiting, most for rank 3"
    assert lines(pace, EVALUATED)[0].endswith(f"(best so far) | {told}")
    screen = console(terminal=True)
    with LiveView(screen, plan=PLAN) as view:
        view.show(pace)
        view.show(STEP)
    assert told in printed(screen)


def test_without_validation_text_no_figure_is_made_up() -> None:
    nothing = replace(EVALUATED, nats_per_char=math.nan, bits_per_char=math.nan)
    assert lines(nothing) == ["Step     20 | no validation text"]
    assert "nan" not in " ".join(lines(nothing, *[STEP])).lower()


def test_a_sample_is_one_line_without_escapes_or_markup() -> None:
    assert lines(Sampled(7, "[bold]a\x1b[31m\n\nb")) == ["Step      7 | Sample: [bold]a[31m ⏎ b"]
    assert lines(Sampled(7, " \n")) == ["Step      7 | Sample: (nothing)"]


def test_a_split_is_told() -> None:
    (line,) = lines(BatchSplit(step=3, micro_batch_size=8))
    assert "step 3" in line
    assert "8 windows" in line


def test_steps_are_not_told_one_by_one_in_a_log() -> None:
    assert lines(STEP, STEP) == []


def test_the_live_view_shows_figures_and_time_left() -> None:
    screen = console(terminal=True)
    with LiveView(screen, plan=PLAN) as view:
        view.show(STEP)
        view.show(EVALUATED)
        view.show(Sampled(7, "[bold]hello\x1b[31m"))
    text = printed(screen)
    for figure in ["1,200", "0.693", "1.000", "75.0%", "3.00e-04", "50%", "1:00 left"]:
        assert figure in text, figure
    assert "2.164 bits/char" in text
    assert "bits/id" in text  # what is learnt from is counted by id, <|end|> among them
    assert "[bold]hello[31m" in text


def test_without_room_for_a_thread_the_live_view_is_drawn_with_each_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    screen = console(terminal=True)
    with LiveView(screen, plan=PLAN) as view:
        view.show(STEP)
        assert "1,200" in printed(screen)


def test_the_plan_tells_what_was_promised() -> None:
    screen = console()
    show_plan(screen, PLAN, sample_prompt="What is 3 plus 4?")
    text = printed(screen)
    for part in [
        "a.txt, [red]b.txt (100 conversations and 1 text)",
        "1.12 M characters for training, 2,000 for validation",
        "327 ids, 65 of them characters",
        "4 layers, 64 wide, 4 heads, context of 96 characters",
        "19.0 M",
        "about 12 MB (weights 1 MB, gradients 1 MB, optimizer 2 MB, activations 8 MB, cache 0",
        "cpu (2 threads), fp32",
        "400 (10.0 epochs)",
        "about 3:00",
        "Model.pth",
        "What is 3 plus 4?",
    ]:
        assert part in text, part
    assert "\x1b" not in text


def test_a_part_of_an_epoch_is_more_than_none() -> None:
    screen = console()
    show_plan(screen, replace(PLAN, steps=1), sample_prompt=None)
    assert "1 (0.03 epochs)" in printed(screen)


def test_a_plan_by_the_clock_has_no_steps() -> None:
    screen = console()
    show_plan(screen, replace(PLAN, steps=None), sample_prompt=None)
    assert "as many as the time allows, 40 per epoch" in printed(screen)
    assert "reply to" not in printed(screen)


def test_the_report_tells_how_to_go_on() -> None:
    screen = console()
    show_report(screen, REPORT)
    text = printed(screen)
    assert "400 in 3:05, 12,346 characters a second" in text
    assert "0.6931 nats a character, 1.0000 bits" in text
    assert "500 MB at most" in text
    assert "Talk to it: lumina chat\n" in text


def test_the_report_says_when_only_replies_are_measured() -> None:
    screen = console()
    show_report(screen, replace(REPORT, is_of_replies=True))
    assert "1.0000 bits (of what the bot says)" in printed(screen)


def test_the_report_without_validation_says_so() -> None:
    screen = console()
    show_report(screen, replace(REPORT, best_nats_per_char=None))
    assert "no validation text" in printed(screen)


def test_the_starter_eval_is_shown_family_by_family() -> None:
    screen = console()
    result = StarterEvalResult((FamilyScore("sums", 9, 10), FamilyScore("days", 1, 10)), ())
    show_report(screen, replace(REPORT, starter_eval=result))
    rows = [line.split() for line in printed(screen).splitlines()]
    assert ["sums", "9", "of", "10", "90%"] in rows
    assert ["days", "1", "of", "10", "10%"] in rows
    assert ["all", "50%"] in rows


class BrokenView(NullView):
    """A view that fails where it is told to."""

    def __init__(self, place: str) -> None:
        self.place = place

    def _fail_in(self, place: str) -> None:
        if place == self.place:
            raise KeyError(place)

    def __enter__(self) -> "BrokenView":
        self._fail_in("enter")
        return self

    def show(self, event: RunEvent) -> None:
        self._fail_in("show")

    def __exit__(self, *exc_info: object) -> None:
        self._fail_in("exit")


@pytest.mark.parametrize("place", ["enter", "show", "exit"])
def test_a_view_that_fails_is_switched_off_with_a_word_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], place: str
) -> None:
    screen = console()
    with CompositeView([BrokenView(place), LineView(screen)]) as view:
        view.show(EVALUATED)
        view.show(EVALUATED)
    assert len(printed(screen).splitlines()) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"BrokenView failed and is switched off (KeyError: '{place}')")


@pytest.mark.parametrize(
    "event", [STEP, EVALUATED, Sampled(1, "x")], ids=lambda e: type(e).__name__
)
def test_silence_is_silent(capsys: pytest.CaptureFixture[str], event: RunEvent) -> None:
    with NullView() as view:
        view.show(event)
    assert capsys.readouterr() == ("", "")
