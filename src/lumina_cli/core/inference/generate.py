"""The decoding loop of one text: read the prompt, then one id after the other.

V vocabulary, G draft tokens.
"""

from collections.abc import Iterator, Sequence

import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.sequence import SequenceState, as_rows
from lumina_cli.core.inference.speculative.policy import NUM_DRAFT_TOKENS
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.tokenizer.base import Tokenizer


def generate(
    engine: Engine,
    prompt_ids: Sequence[int],
    *,
    tokenizer: Tokenizer,
    config: SamplingConfig,
    generator: torch.Generator,
    row: Row | None = None,
    speculator: Speculator | None = None,
    held_text: str = "",
) -> Iterator[GenerationChunk]:
    """Yield what the model generates after a prompt, id by id.

    The text of the chunks is valid at every moment: half a character is held back, and so
    is what may turn out to be a stop text. It ends with <|end|> (its last chunk, without
    text), after `max_chars` characters, or before a stop text. Beam search doesn't stream:
    see `BeamSearch`.

    Args:
        engine: of the model.
        prompt_ids: what stands before, at least one id; of more than the model's context the
            newest part is read.
        tokenizer: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the CPU.
        row: keeps what was read from call to call, so that a common beginning is read once;
            without one, a row is taken for this text alone.
        speculator: proposes draft tokens, so that a pass may say several; the text is the same.
        held_text: the end of the prompt that the first ids are held to: see `SequenceState`.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    assert config.sampler != "beam", "beam search doesn't stream"
    own = engine.admit() if row is None else row
    sequence = SequenceState(
        prompt_ids,
        tokenizer=tokenizer,
        config=config,
        generator=generator,
        utf8_mask=Utf8Mask(tokenizer),
        held_text=held_text,
    )
    try:
        yield from _take(sequence, as_rows(engine.prefill(own, prompt_ids)), engine, own, [])[0]
        if speculator is not None:
            speculator.begin([*prompt_ids[-engine.seq_length :], sequence.last_id])
        while not sequence.has_ended:
            yield from _next_chunks(sequence, engine=engine, row=own, speculator=speculator)
    finally:
        if row is None:
            engine.release(own)


def _next_chunks(
    sequence: SequenceState, *, engine: Engine, row: Row, speculator: Speculator | None
) -> list[GenerationChunk]:
    """Choose the next id, or several if a pass over draft tokens pays and they are right."""
    if speculator is None:
        logits = engine.decode([row], [sequence.last_id])
        return _take(sequence, as_rows(logits), engine, row, [])[0]
    speculator.start()
    has_room = engine.free_positions(row) > NUM_DRAFT_TOKENS
    draft_tokens = speculator.propose(NUM_DRAFT_TOKENS) if has_room else []
    if draft_tokens:
        logits = engine.verify(row, [sequence.last_id, *draft_tokens])
    else:
        logits = engine.decode([row], [sequence.last_id])
    chunks, chosen = _take(sequence, as_rows(logits), engine, row, draft_tokens)
    speculator.stop(chosen, num_draft_tokens=len(draft_tokens))
    return chunks


def _take(
    sequence: SequenceState, logits: Logits, engine: Engine, row: Row, draft_tokens: list[int]
) -> tuple[list[GenerationChunk], list[int]]:
    """Choose ids as long as they are the draft tokens; the row forgets what follows the last.

    Args:
        sequence: chooses them.
        logits: (1, V) of what follows all that was read, or (1 + G, V) of what follows before
            the draft tokens and after each of them.
        engine: which read the draft tokens.
        row: of the text.
        draft_tokens: G ids.

    Returns:
        what is certain to be text, and the ids chosen.
    """
    chunks: list[GenerationChunk] = []
    chosen: list[int] = []
    length = len(row.ids) - len(draft_tokens)
    for of_next, draft_token in zip(logits, [*draft_tokens, None], strict=True):
        taken = sequence.push(of_next)
        if taken is None:
            exact = engine.recompute(row.ids[: length + len(chosen)]).run()
            taken = sequence.push_exact(as_rows(exact)[0])
        chunks += taken
        chosen.append(sequence.last_id)
        if sequence.has_ended or sequence.last_id != draft_token:
            break
    engine.truncate(row, length + len(chosen) - 1)
    return chunks, chosen
