"""The thread that generates: it alone touches the models, so that the event loop never waits.

Commands go in by a queue, what was generated goes back to the event loop after each step. With
nothing to do the thread sleeps.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from lumina_cli.core.inference.scheduler import Output, Scheduler, rows_at_once
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.errors import LuminaError
from lumina_cli.server.generation.fair_queue import FairQueue
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.server.generation.texts import Generation, TextEvent, TextRequest

logger = logging.getLogger("lumina.server")

Result = TypeVar("Result")

ONE_CLIENT_NUMERATOR, ONE_CLIENT_DENOMINATOR = 3, 4
"""The part of all places that one client can take, where others may come."""

CANCELLED = LuminaError("the text was cancelled")
BROKEN = LuminaError("the model failed; the server's log says more")


class QueueFullError(Exception):
    """There is no place for more texts; `is_for_ever` if there never will be."""

    def __init__(self, *, is_for_ever: bool = False) -> None:
        super().__init__("the queue is full")
        self.is_for_ever = is_for_ever


@dataclass(eq=False, slots=True)
class _Text:
    """One text on its way through the thread."""

    request: TextRequest
    model: ServedModel
    generation: Generation
    index: int
    loop: asyncio.AbstractEventLoop
    client: str
    sequence: SequenceState | None = None
    place: int = 0


@dataclass(eq=False)
class _Lane:
    """A model with its scheduler, and the texts that go on."""

    scheduler: Scheduler
    texts: dict[SequenceState, _Text] = field(default_factory=dict)


class GenerationThread:
    """Generates the texts that are asked for.

    Args:
        max_streams: texts that go on at once, of all models together.
        max_queue: texts that may wait beside them.
        tells_places: whether who waits is told its place in the queue.

    Attributes:
        num_ids: how many ids were generated so far.
    """

    def __init__(self, *, max_streams: int, max_queue: int, tells_places: bool = False) -> None:
        self.num_ids = 0
        self._max_streams = max_streams
        self._tells_places = tells_places
        self._max_places = max_streams + max_queue
        self._places: dict[str, int] = {}
        """Texts of each client that wait or go on. The event loop's alone."""
        self._commands: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._waiting: FairQueue[_Text] = FairQueue()
        self._asked: FairQueue[Callable[[], None]] = FairQueue()
        self._lanes: dict[ServedModel, _Lane] = {}
        self._forgotten: set[ServedModel] = set()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)

    @property
    def num_waiting(self) -> int:
        """Texts that wait for a place."""
        return max(0, sum(self._places.values()) - self.num_running)

    @property
    def num_running(self) -> int:
        """Texts that go on."""
        return sum(len(lane.texts) for lane in list(self._lanes.values()))

    def num_of(self, client: str) -> int:
        """Return how many texts of a client wait or go on."""
        return self._places.get(client, 0)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to wait for texts."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done, whatever is left."""
        self._commands.put(self._end)
        self._thread.join(timeout=5)

    def call(self, function: Callable[[], Result]) -> Result:
        """Return what a function returns in the thread, whose texts wait meanwhile.

        Models are best loaded so: where two threads have computed, OpenMP takes the processor
        for overbooked, lets its workers sleep between any two operations, and all take twice as
        long.
        """
        done: Future[Result] = Future()
        self._commands.put(lambda: _fulfil(done, function))
        return done.result()

    async def ask(self, function: Callable[[], Result], *, client: str) -> Result:
        """Return what a function returns in the thread, between two steps of the texts.

        It takes a place as a text does; one that nobody waits for any more is never begun.

        Raises:
            QueueFullError: there is no place for it.
        """
        self._refuse_too_many(1, client=client)
        self._places[client] = self._places.get(client, 0) + 1
        done: Future[Result] = Future()
        self._commands.put(lambda: self._asked.push(client, lambda: _fulfil(done, function)))
        try:
            return await asyncio.wrap_future(done)
        finally:
            self._free_place(client)

    def prepare(self, model: ServedModel) -> None:
        """Make a model ready now: it would delay the first text."""
        lane = _Lane(self._scheduler(model))
        self._commands.put(lambda: self._lanes.setdefault(model, lane))

    def forget(self, model: ServedModel) -> None:
        """Let go of a model once its texts have ended."""
        self._commands.put(lambda: self._forgotten.add(model))

    def submit(
        self, model: ServedModel, requests: Sequence[TextRequest], *, client: str
    ) -> Generation:
        """Let texts be generated; call this in the event loop that reads them.

        Raises:
            QueueFullError: there is no place for them.
        """
        self._refuse_too_many(len(requests), client=client)
        self._places[client] = self._places.get(client, 0) + len(requests)
        texts: list[_Text] = []
        generation = Generation(
            len(requests), cancel=lambda: self._commands.put(lambda: self._cancel(texts))
        )
        loop = asyncio.get_running_loop()
        texts += [
            _Text(request, model, generation, index, loop, client)
            for index, request in enumerate(requests)
        ]
        self._commands.put(lambda: self._add(texts))
        return generation

    def _refuse_too_many(self, num_texts: int, *, client: str) -> None:
        taken = sum(self._places.values())
        if num_texts > self._max_places:
            raise QueueFullError(is_for_ever=True)
        one_client = self._max_places * ONE_CLIENT_NUMERATOR // ONE_CLIENT_DENOMINATOR
        own = self._places.get(client, 0)
        if taken + num_texts > self._max_places or (own and own + num_texts > one_client):
            raise QueueFullError

    def _run(self) -> None:
        while not self._is_stopped:
            try:
                self._take_commands()
                if answer := self._asked.pop(may_go=lambda _: True):
                    answer()
                self._admit()
                self._tell_places()
                for model, lane in list(self._lanes.items()):
                    self._step(model, lane)
                self._let_go()
            except Exception:  # a fault of ours may not end the texts of all
                logger.exception("the generation thread made a mistake")

    def _take_commands(self) -> None:
        """Do what was asked for; wait for it where there is nothing else to do."""
        is_idle = not self._waiting and not self._asked and not self.num_running
        try:
            command = self._commands.get(block=is_idle)
            while True:
                command()
                command = self._commands.get_nowait()
        except queue.Empty:
            return

    def _end(self) -> None:
        self._is_stopped = True

    def _add(self, texts: Sequence[_Text]) -> None:
        for text in texts:
            self._waiting.push(text.client, text)

    def _cancel(self, texts: Sequence[_Text]) -> None:
        for text in texts:
            lane = self._lanes.get(text.model)
            if self._waiting.remove(text):
                self._tell([(text, TextEvent(text.index, error=CANCELLED))])
            elif lane and text.sequence and lane.texts.pop(text.sequence, None):
                lane.scheduler.cancel(text.sequence)
                self._tell([(text, TextEvent(text.index, error=CANCELLED))])

    def _admit(self) -> None:
        """Let waiting texts go on, as long as there are places."""
        while self.num_running < self._max_streams:
            text = self._waiting.pop(may_go=self._has_row)
            if text is None:
                return
            try:
                self._begin(text)
            except Exception:  # whatever fails in one text, the others go on
                logger.exception("a text can't begin")
                self._tell([(text, TextEvent(text.index, error=BROKEN))])

    def _tell_places(self) -> None:
        """Tell who waits which place it has, where that is another than before."""
        if not self._tells_places:
            return
        moved = [(text, place) for text, place in self._waiting.places() if text.place != place]
        for text, place in moved:
            text.place = place
        self._tell([(text, TextEvent(text.index, place=place)) for text, place in moved])

    def _has_row(self, text: _Text) -> bool:
        lane = self._lanes.get(text.model)
        return lane is None or lane.scheduler.num_free > 0

    def _begin(self, text: _Text) -> None:
        request, model = text.request, text.model
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = _Lane(self._scheduler(model))
        text.sequence = SequenceState(
            request.prompt_ids,
            tokenizer=model.tokenizer,
            config=request.config,
            generator=request.generator,
            utf8_mask=model.utf8_mask,
            max_ids=request.max_ids,
            logit_bias=request.logit_bias,
            num_top_logprobs=request.num_top_logprobs,
            held_text=request.held_text,
        )
        lane.texts[text.sequence] = text
        lane.scheduler.add(text.sequence, request.prompt_ids)

    def _scheduler(self, model: ServedModel) -> Scheduler:
        return Scheduler(
            model.new_engine(),
            max_rows=min(self._max_streams, rows_at_once(model.file.model.config)),
            speculator=model.speculator,
            is_interactive=True,
        )

    def _step(self, model: ServedModel, lane: _Lane) -> None:
        """Let a model's texts go on; where that fails they all end, and others begin anew."""
        if not lane.texts:
            return
        try:
            events = [self._event(lane, output) for output in lane.scheduler.step()]
        except Exception:  # torch and ONNX Runtime raise of every kind
            logger.exception("the model %s failed", model.name)
            del self._lanes[model]
            self._tell(
                [(text, TextEvent(text.index, error=BROKEN)) for text in lane.texts.values()]
            )
            return
        self._tell(events)

    def _event(self, lane: _Lane, output: Output) -> tuple[_Text, TextEvent]:
        sequence, chunks, error = output
        text = lane.texts[sequence]
        self.num_ids += len(chunks)
        if error or sequence.has_ended:
            del lane.texts[sequence]
        return text, TextEvent(text.index, chunks, sequence.finish_reason, error)

    def _tell(self, events: Sequence[tuple[_Text, TextEvent]]) -> None:
        """Hand events to the event loops of who waits for them."""
        for loop in {text.loop for text, _ in events}:
            own = [(text, event) for text, event in events if text.loop is loop]
            try:
                loop.call_soon_threadsafe(self._deliver, own)
            except RuntimeError:  # it is closed: nobody waits any more
                logger.debug("an event loop is closed")

    def _deliver(self, events: Sequence[tuple[_Text, TextEvent]]) -> None:
        """Give events to their generations (in the event loop)."""
        for text, event in events:
            if event.finish_reason or event.error:
                self._free_place(text.client)
            text.generation.put(event)

    def _free_place(self, client: str) -> None:
        self._places[client] -= 1
        if not self._places[client]:
            del self._places[client]

    def _let_go(self) -> None:
        """Let go of models that were replaced and have no text any more."""
        for model in list(self._forgotten):
            lane = self._lanes.get(model)
            if lane is None or not lane.texts:
                self._lanes.pop(model, None)
                self._forgotten.remove(model)


def _fulfil(done: "Future[Result]", function: Callable[[], Result]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(function())
    except BaseException as error:  # raised again where it is waited for
        done.set_exception(error)
