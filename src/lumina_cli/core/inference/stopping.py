"""Where a text ends: at <|end|>, at its longest, or before a stop text."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from lumina_cli.tokenizer.special_ids import Special

FinishReason = Literal["stop", "length"]
"""Why a text ended: by <|end|> or a stop text, or because it was long enough."""


class GenerationChunk(NamedTuple):
    """One id that the model generated.

    Attributes:
        text: what the id completes: one character or more; nothing within one, or for <|end|>.
            Of the last id of a text it may be only the beginning.
        id: the id.
        logprob: log of the model's own probability for it, before any filter.
        top_logprobs: the likeliest ids of its position and the logs of their probabilities, the
            likeliest first, where they were asked for.
    """

    text: str
    id: int
    logprob: float
    top_logprobs: tuple[tuple[int, float], ...] = ()


class StopChecker:
    """Lets chunks through until the text ends, and holds back what may become a stop text.

    Args:
        max_chars: the text ends after this many characters.
        stop: the text ends before the first of these that it comes to hold.
        max_ids: the text ends after this many ids, <|end|> not counted.

    Attributes:
        finish_reason: why the text ended; None as long as it goes on.
    """

    def __init__(
        self, *, max_chars: int, stop: Sequence[str] = (), max_ids: int | None = None
    ) -> None:
        self.finish_reason: FinishReason | None = None
        self._chars_left = max_chars
        self._ids_left = max_ids
        self._stop = stop
        self._held: list[GenerationChunk] = []

    @property
    def reached(self) -> bool:
        """Whether the text has ended."""
        return self.finish_reason is not None

    def push(self, chunk: GenerationChunk, *, is_of_prompt: bool = False) -> list[GenerationChunk]:
        """Take the next chunk and return those now certain to belong to the text.

        Args:
            chunk: of the next id.
            is_of_prompt: whether the id only says again what the prompt ends with, and is none of
                `max_ids`.
        """
        if len(chunk.text) > self._chars_left:
            chunk = chunk._replace(text=chunk.text[: self._chars_left])
        self._chars_left -= len(chunk.text)
        if self._ids_left is not None and not is_of_prompt:
            self._ids_left -= 1
        if not self._stop:
            self.finish_reason = self._reason_to_end(chunk)
            return [chunk]
        self._held.append(chunk)
        text = "".join(held.text for held in self._held)
        starts = [text.find(stop) for stop in self._stop if stop in text]
        if starts:
            self.finish_reason = "stop"
            return self._release(min(starts))
        self.finish_reason = self._reason_to_end(chunk)
        return self._release(len(text) - (0 if self.reached else _undecided(text, self._stop)))

    def _reason_to_end(self, chunk: GenerationChunk) -> FinishReason | None:
        if chunk.id == Special.END:
            return "stop"
        return "length" if self._chars_left <= 0 or self._ids_left == 0 else None

    def _release(self, num_chars: int) -> list[GenerationChunk]:
        released = []
        while self._held and len(self._held[0].text) <= num_chars:
            released.append(self._held.pop(0))
            num_chars -= len(released[-1].text)
        if self.reached and num_chars:  # a stop text begins within a chunk
            first = self._held.pop(0)
            released.append(first._replace(text=first.text[:num_chars]))
        return released


def _undecided(text: str, stop: Sequence[str]) -> int:
    """Return how many characters at the end of `text` may be the beginning of a stop text."""
    longest = min(len(text), max(map(len, stop)) - 1)
    return next((n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in stop)), 0)
