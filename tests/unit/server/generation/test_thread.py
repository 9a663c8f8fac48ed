"""Texts wait, go on and end in the thread; what comes back is in order and complete."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.seeding import make_generator
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.server.generation.texts import Generation, TextRequest
from lumina_cli.server.generation.thread import GenerationThread, QueueFullError
from tests.server.served import tiny_model

ENDLESS = SamplingConfig(sampler="greedy", max_chars=1_000_000)


def request(letter: str = "a", *, max_ids: int | None = 5) -> TextRequest:
    ids = [1, *tiny_model().tokenizer.encode(letter)]
    return TextRequest(ids, ENDLESS, make_generator(0, "text 0"), max_ids=max_ids)


@contextmanager
def running(*, max_streams: int = 2, max_queue: int = 6) -> Iterator[GenerationThread]:
    thread = GenerationThread(max_streams=max_streams, max_queue=max_queue)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
    assert not thread.is_alive


async def text_of(generation: Generation) -> list[str]:
    texts: dict[int, str] = {}
    while not generation.is_over:
        for event in await generation.next_events():
            assert event.error is None
            part = "".join(chunk.text for chunk in event.chunks)
            texts[event.index] = texts.get(event.index, "") + part
    return [texts[index] for index in sorted(texts)]


async def until_running(thread: GenerationThread, num_texts: int) -> None:
    while thread.num_running != num_texts:
        await asyncio.sleep(0.001)


def test_texts_that_are_asked_for_together_come_together() -> None:
    async def ask(thread: GenerationThread, model: ServedModel) -> list[list[str]]:
        together = thread.submit(model, [request("a"), request("b")], client="x")
        alone = [thread.submit(model, [request(letter)], client="y") for letter in "ab"]
        return [await text_of(each) for each in (together, *alone)]

    with running() as thread:
        together, a, b = asyncio.run(ask(thread, tiny_model(is_talkative=True)))
    assert together == [*a, *b]
    assert [len(text) for text in together] == [5, 5]


def test_clients_take_turns_for_places() -> None:
    order = []

    async def ask(thread: GenerationThread, model: ServedModel) -> None:
        async def one(client: str, number: int) -> None:
            await text_of(thread.submit(model, [request()], client=client))
            order.append(f"{client}{number}")

        first = thread.submit(model, [request(max_ids=None)], client="z")
        await until_running(thread, 1)
        asking = [one("a", n) for n in range(3)] + [one("b", n) for n in range(2)]
        waiting = asyncio.gather(*asking)
        await asyncio.sleep(0)
        assert thread.num_waiting == 5
        first.cancel()
        await waiting

    with running(max_streams=1, max_queue=20) as thread:
        asyncio.run(ask(thread, tiny_model(is_talkative=True)))
    assert order == ["a0", "b0", "a1", "b1", "a2"]


def test_one_client_can_not_take_the_last_places() -> None:
    async def ask(thread: GenerationThread, model: ServedModel) -> None:
        own = [thread.submit(model, [request(max_ids=None)], client="a") for _ in range(6)]
        with pytest.raises(QueueFullError) as refused:
            thread.submit(model, [request()], client="a")
        assert not refused.value.is_for_ever
        other = thread.submit(model, [request(), request()], client="b")
        with pytest.raises(QueueFullError):
            thread.submit(model, [request()], client="c")
        with pytest.raises(QueueFullError) as refused:
            thread.submit(model, [request()] * 9, client="c")
        assert refused.value.is_for_ever
        for each in own:
            each.cancel()
        assert len(await text_of(other)) == 2
        await until_running(thread, 0)
        assert thread.num_waiting == 0

    with running() as thread:
        asyncio.run(ask(thread, tiny_model(is_talkative=True)))


def test_two_models_take_turns() -> None:
    async def ask(thread: GenerationThread) -> None:
        models = [tiny_model("a", is_talkative=True), tiny_model("b", is_talkative=True)]
        endless = thread.submit(models[0], [request(max_ids=None)], client="x")
        await until_running(thread, 1)
        (text,) = await text_of(thread.submit(models[1], [request()], client="x"))
        assert len(text) == 5
        endless.cancel()

    with running() as thread:
        asyncio.run(ask(thread))


def test_a_model_is_let_go_when_its_last_text_has_ended() -> None:
    async def ask(thread: GenerationThread, model: ServedModel) -> None:
        thread.prepare(model)
        generation = thread.submit(model, [request()], client="x")
        thread.forget(model)
        assert len((await text_of(generation))[0]) == 5
        while thread._lanes:
            await asyncio.sleep(0.001)

    with running() as thread:
        asyncio.run(ask(thread, tiny_model(is_talkative=True)))


def test_an_event_loop_that_is_closed_harms_nobody() -> None:
    model = tiny_model(is_talkative=True)

    async def leave(thread: GenerationThread) -> None:
        thread.submit(model, [request()], client="x")

    async def ask(thread: GenerationThread) -> list[str]:
        return await text_of(thread.submit(model, [request()], client="y"))

    with running() as thread:
        asyncio.run(leave(thread))
        assert len(asyncio.run(ask(thread))[0]) == 5
