"""Whatever happens to a rank, wherever it is: nobody waits for it for ever, and it is named."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributed import PrefixStore  # type: ignore[attr-defined]

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import BatchSplit, Paced, RolledBack, SampleSkipped, StepDone
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.optim import adamw
from lumina_cli.core.training.parallel import watch
from lumina_cli.core.training.parallel.ending import find_ending
from lumina_cli.core.training.parallel.place import END_FOLDER, Place
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.state import Snapshot, of_first
from tests.unit.core.training.conftest import FP32, random_text, tiny_model
from tests.unit.core.training.parallel.group import Ended, can_fork, end_group, free_port

pytestmark = can_fork
TRAIN, VALIDATION = random_text(300), random_text(90, seed=1)
MOST_S = 30.0
SILENT_S = 3.0
PAUSE_S = 0.5
NUM_STEPS, AT_STEP = 6, 3

PHASES = (
    "reading",
    "connecting",
    "forward",
    "backward",
    "closing",
    "updating",
    "evaluating",
    "sampling",
    "saving",
    "gathering",
    "going back",
    "over",
)
SURVIVED = {"forward", "backward", "updating", "evaluating", "sampling"}
"""Where memory may run out on any rank, and the run goes on."""


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def pause() -> None:
    """Stand still for a while, shorter than a process that is given up."""
    process = os.getpid()
    if not os.fork():
        time.sleep(PAUSE_S)
        os.kill(process, signal.SIGCONT)
        os._exit(0)
    os.kill(process, signal.SIGSTOP)


def starve() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


HARMS: dict[str, Callable[[], None]] = {
    "kill": kill,
    "stop": stop,
    "pause": pause,
    "starve": starve,
}


class Victim:
    """Does harm to this rank the first time that it comes to a phase, if it is the one."""

    def __init__(self, harm: str, *, phase: str, is_chosen: bool) -> None:
        self._harm = HARMS[harm]
        self._phase = phase
        self._is_chosen = is_chosen

    def at(self, phase: str) -> None:
        if self._is_chosen and phase == self._phase:
            self._is_chosen = False
            self._harm()


def a_run(rank: Processes, harm: str = "pause", *, phase: str = "", chosen: int = -1) -> list[str]:
    """Do a run in which harm is done to one rank in one phase; return what happened."""
    victim = Victim(harm, phase=phase, is_chosen=rank.index == chosen)
    rank._wait_until([f"{watch.PID}/{n}" for n in range(rank.world_size)])  # a launcher's work
    rank.in_turn(lambda: victim.at("reading"))
    victim.at("connecting")
    trainer = make_trainer(rank, victim)
    good = trainer.state_dict().clone()

    def load_last_good() -> Snapshot:
        victim.at("going back")
        return of_first(lambda: good, rank=rank)

    trainer.load_last_good = load_last_good
    told = []
    for event in trainer.run():
        if isinstance(event, StepDone) and event.step == AT_STEP:
            victim.at("saving")
            with harmed_calls(rank, victim):
                trainer.state_dict()
        if not isinstance(event, Paced | BatchSplit | SampleSkipped):
            told.append(repr(event))
        if isinstance(event, RolledBack):
            trainer.model.is_bad = False
    victim.at("over")
    return told


@contextmanager
def harmed_calls(rank: Processes, victim: Victim) -> Iterator[None]:
    """Let harm be done where a part of the state is sent or received, agreed by all before."""
    real = rank._call

    def call(action: Callable[[], object]) -> None:
        def acted() -> None:
            if isinstance(action, partial):
                victim.at("gathering")
            action()

        real(acted)

    rank._call = call  # type: ignore[method-assign]
    yield
    rank._call = real  # type: ignore[method-assign]


def make_trainer(rank: Processes, victim: Victim) -> Trainer:
    model = tiny_model()
    real = model.hidden
    model.is_bad = True  # type: ignore[assignment]

    def hidden(idx: Tensor) -> Tensor:
        if not model.training:
            victim.at("evaluating")
            return real(idx)
        if trainer.num_steps < AT_STEP - 1:
            return real(idx)
        victim.at("forward")
        watched = model.wte.register_forward_hook(lambda *given: at_backward(given[-1]))
        try:
            states = real(idx)
        finally:
            watched.remove()
        # At the end three steps are no numbers, so that all go back.
        is_bad = model.is_bad and trainer.num_steps == NUM_STEPS - 1
        return states * (torch.nan if is_bad else 1)

    def at_backward(x: Tensor) -> Tensor:
        x.register_hook(lambda _: victim.at("backward"))
        return x

    def at_end(action: Callable[..., Any], phase: str) -> Callable[..., Any]:
        def acted(*args: Any, **kwargs: Any) -> Any:
            if trainer.num_steps == AT_STEP - 1 and trainer.state.evaluated_step >= 0:
                victim.at(phase)
            return action(*args, **kwargs)

        return acted

    def sample(_: object) -> list[str]:
        victim.at("sampling")
        return ["said"]

    times = iter(range(10**6))
    trainer = Trainer(
        model,
        train=TRAIN,
        validation=VALIDATION,
        config=TrainingConfig(
            batch_size=5, learning_rate=1e-2, epochs=None, max_steps=NUM_STEPS, num_evals=2
        ),
        precision=FP32,
        sample=sample,
        clock=lambda: float(next(times)),
        rank=rank,
    )
    model.hidden = hidden  # type: ignore[method-assign]
    rank.sum = at_end(rank.sum, "closing")  # type: ignore[method-assign]
    if rank.index:  # the others wait for what the first says
        rank.broadcast = at_end(rank.broadcast, "sampling")  # type: ignore[method-assign]
    ours = trainer.stepper.optimizers.adamw
    ours._update = at_end(ours._update, "updating")  # type: ignore[method-assign]
    return trainer


@pytest.fixture(autouse=True, scope="module")
def _soon_noticed() -> Iterator[None]:
    """Let what is lost be noticed soon; and let even a tiny state be in parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adamw, "SHARED_FROM", 0)
        patch.setattr(watch, "BEAT_S", 0.2)
        patch.setattr(watch, "SILENT_S", SILENT_S)
        patch.setattr(watch, "GRACE_S", 1.0)
        yield


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    ended = end_group(a_run, size=2, folder=tmp_path_factory.mktemp("unharmed"), patience_s=MOST_S)
    assert [each.code for each in ended] == [0, 0], ended
    told: list[str] = ended[0].result
    return told


def check(harm: str, phase: str, chosen: int, *, size: int, folder: Path, told: list[str]) -> None:
    def work(rank: Processes) -> list[str]:
        return a_run(rank, harm, phase=phase, chosen=chosen)

    ended = end_group(work, size=size, folder=folder, patience_s=MOST_S)
    assert None not in [each.code for each in ended], f"hangs: {ended}"
    others = [each for n, each in enumerate(ended) if n != chosen]
    if harm == "pause" or (harm == "starve" and phase in SURVIVED):
        assert [each.code for each in ended] == [0] * size, ended
        assert harm == "starve" or all(each.result == told for each in ended)
    elif harm == "starve":
        assert all(each.code for each in ended) or phase == "over", ended
    else:
        assert ended[chosen].code == -signal.SIGKILL
        for each in others:
            assert_names(each, chosen, may_be_done=phase == "over")


def assert_names(ended: Ended, lost: int, *, may_be_done: bool) -> None:
    """A rank ended since another was lost, which it names."""
    if may_be_done and ended.code == 0:
        return
    assert ended.code == watch.LOST_CODE, ended
    assert ended.error == "" or ended.error.startswith(f"rank {lost} "), ended


@pytest.mark.parametrize(
    ("harm", "phase", "chosen"),
    [("kill", "gathering", 1), ("stop", "closing", 0), ("pause", "evaluating", 1)],
)
def test_nobody_waits_for_a_rank_that_is_lost(
    harm: str, phase: str, chosen: int, tmp_path: Path, unharmed: list[str]
) -> None:
    check(harm, phase, chosen, size=2, folder=tmp_path, told=unharmed)


def points() -> Iterator[tuple[str, str, int]]:
    for harm in HARMS:
        for phase in PHASES:
            for chosen in (0, 1):
                if (harm, phase, chosen) != ("starve", "sampling", 1):  # it draws none
                    yield harm, phase, chosen


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "phase", "chosen"), list(points()))
def test_nobody_waits_wherever_harm_is_done(
    harm: str, phase: str, chosen: int, tmp_path: Path, unharmed: list[str]
) -> None:
    check(harm, phase, chosen, size=2, folder=tmp_path, told=unharmed)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [0, 1, 2])
@pytest.mark.parametrize("harm", ["kill", "stop"])
def test_of_three_the_other_two_end(
    harm: str, chosen: int, tmp_path: Path, unharmed: list[str]
) -> None:
    check(harm, "backward", chosen, size=3, folder=tmp_path, told=unharmed)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> watch.Watch:
    """The watch of the first of two ranks, at rest, in a launch that ends in a folder."""
    monkeypatch.setenv(END_FOLDER, str(tmp_path))
    place = place_of_two(0)
    found = watch.Watch(place, watch.connect(place, is_host=True))
    found.close(is_over=False)
    return found


def place_of_two(index: int) -> Place:
    return Place(
        index,
        world_size=2,
        local_rank=index,
        local_world_size=2,
        machine="here",
        address="127.0.0.1",
        port=free_port(),
        run_id="",
        restart=0,
        has_agent=False,
    )


def test_nobody_waits_for_a_rank_that_has_ended_before_it_joined(watched: watch.Watch) -> None:
    assert watched._silent([1], {}, now_s=0.0) is None
    find_ending().tell_code(66)
    seen = {1: ("", 0.0)}
    assert watched._silent([1], seen, now_s=1.0) == watch.End(1, "has ended before it began", 66)


def test_nobody_waits_for_a_first_rank_that_has_ended_before_it_joined(
    watched: watch.Watch,
) -> None:
    find_ending().tell_code(66)
    nothing = PrefixStore("another group", watched._store)
    with pytest.raises(RuntimeError, match="does not come"):
        watch.Watch(place_of_two(1), nothing)


def test_a_process_that_is_gone_is_not_waited_for_as_a_busy_one(watched: watch.Watch) -> None:
    process = multiprocessing.get_context("fork").Process(target=time.time)
    process.start()
    process.join()
    watched._store.set(f"{watch.PID}/1", f"{process.pid} here")
    assert watched._stands_still(1, silent_s=watch.SILENT_S + 1)
    watched._store.set(f"{watch.PID}/1", f"{os.getpid()} here")
    assert not watched._stands_still(1, silent_s=watch.SILENT_S + 1)


def test_a_process_of_another_machine_is_not_taken_for_one_of_this(watched: watch.Watch) -> None:
    process = multiprocessing.get_context("fork").Process(target=time.time)
    process.start()
    process.join()
    watched._store.set(f"{watch.PID}/1", f"{process.pid} elsewhere")
    assert watched._dead_here() is None
    assert not watched._stands_still(1, silent_s=watch.SILENT_S + 1)
    assert watched._stands_still(1, silent_s=watch.BUSY_S + 1)
