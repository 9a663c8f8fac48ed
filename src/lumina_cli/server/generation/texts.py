"""What is asked of the thread that generates, and what comes back to who asked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.stopping import FinishReason, GenerationChunk
from lumina_cli.errors import LuminaError

Interruption = Literal["gone", "timeout"]
"""Why nobody waits for a text any more: its reader went away, or its time is over."""


@dataclass(frozen=True, eq=False, slots=True)
class TextRequest:
    """One text to generate.

    Args:
        prompt_ids: what stands before, at least one id.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, its own.
        max_ids: the text ends after this many ids.
        logit_bias: what to add to the logits of all ids, (V,).
        num_top_logprobs: how many of the likeliest ids to tell of each position.
        held_text: the end of the prompt that the first ids are held to.
    """

    prompt_ids: Sequence[int]
    config: SamplingConfig
    generator: torch.Generator
    max_ids: int | None = None
    logit_bias: Logits | None = None
    num_top_logprobs: int = 0
    held_text: str = ""


@dataclass(frozen=True, slots=True)
class TextEvent:
    """What became of one text in a step.

    Attributes:
        index: which of the texts that were asked for together.
        chunks: what it goes on with.
        finish_reason: why it ended, if it did.
        error: why it can't go on, if so.
        place: in the queue, where it waits.
    """

    index: int
    chunks: Sequence[GenerationChunk] = ()
    finish_reason: FinishReason | None = None
    error: LuminaError | None = None
    place: int | None = None


class Generation:
    """Texts that were asked for together, as they come. Belongs to the event loop.

    Args:
        num_texts: how many.
        cancel: called where nobody waits for them any more.

    Attributes:
        interruption: why nobody waits any more, if so.
    """

    def __init__(self, num_texts: int, *, cancel: Callable[[], None]) -> None:
        self._num_going_on = num_texts
        self._cancel = cancel
        self._events: list[TextEvent] = []
        self._has_news = asyncio.Event()
        self.interruption: Interruption | None = None

    @property
    def is_over(self) -> bool:
        """Whether all texts have ended and all was taken."""
        return not self._num_going_on and not self._events

    async def next_events(self) -> list[TextEvent]:
        """Return all that came since the last time; wait where there is nothing yet.

        Nothing comes back where the wait was interrupted.
        """
        await self._has_news.wait()
        self._has_news.clear()
        events, self._events = self._events, []
        return events

    def put(self, event: TextEvent) -> None:
        """Take what became of a text."""
        if event.finish_reason or event.error:
            self._num_going_on -= 1
        self._events.append(event)
        self._has_news.set()

    def interrupt(self, why: Interruption) -> None:
        """Let who waits know that it is in vain."""
        self.interruption = self.interruption or why
        self._has_news.set()

    def cancel(self) -> None:
        """Stop those of the texts that still go on."""
        if self._num_going_on:
            self._cancel()
