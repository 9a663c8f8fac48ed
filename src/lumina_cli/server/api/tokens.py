"""How likely tokens were, as OpenAI's API tells it."""

from collections.abc import Sequence
from typing import Any

from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special, byte_of, is_special

Entry = dict[str, Any]
"""`token`, `logprob`, `bytes` and `top_logprobs` of one id."""


class TokenEntries:
    """Turns the ids of a text into entries; those of half a character wait for the whole one.

    Args:
        tokenizer: of the model.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._held: list[Entry] = []

    def take(self, chunks: Sequence[GenerationChunk]) -> list[Entry]:
        """Return the entries of what is text by now; the end of the text is none."""
        entries: list[Entry] = []
        for chunk in chunks:
            if chunk.id == Special.END or is_of_prompt(chunk):
                continue
            self._held.append(self._entry(chunk))
            if chunk.text:
                entries += self._held
                self._held = []
        return entries

    def _entry(self, chunk: GenerationChunk) -> Entry:
        token, spelled = self._spelled(chunk.id)
        if byte_of(chunk.id) is None and not is_special(chunk.id):  # a stop text may have cut it
            token, spelled = chunk.text, list(chunk.text.encode())
        top = [self._likely(id_, logprob) for id_, logprob in chunk.top_logprobs]
        return {"token": token, "logprob": chunk.logprob, "bytes": spelled, "top_logprobs": top}

    def _likely(self, id_: int, logprob: float) -> Entry:
        token, spelled = self._spelled(id_)
        return {"token": token, "logprob": logprob, "bytes": spelled}

    def _spelled(self, id_: int) -> tuple[str, list[int] | None]:
        """Return an id as a person reads it, and its bytes; a special id has none."""
        if is_special(id_):
            return self._tokenizer.describe(id_), None
        if (byte := byte_of(id_)) is not None:
            return chr(byte) if byte < 0x80 else self._tokenizer.describe(id_), [byte]
        text = self._tokenizer.decode([id_])
        return text, list(text.encode())


def is_of_prompt(chunk: GenerationChunk) -> bool:
    """Return whether an id only says again what the prompt ends with: it brings no text."""
    return not chunk.text and not is_special(chunk.id) and byte_of(chunk.id) is None


def legacy_logprobs(entries: Sequence[Entry], *, offset: int) -> dict[str, Any]:
    """Return entries as the older API for completions tells them.

    Args:
        entries: of the ids.
        offset: characters of the text before them.
    """
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {likely["token"]: likely["logprob"] for likely in entry["top_logprobs"]}
            for entry in entries
        ],
        "text_offset": offsets,
    }
