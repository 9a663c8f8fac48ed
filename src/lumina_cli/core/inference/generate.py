"""The decoding loop: read the prompt, then say one id after the other.

B batch, T time, V vocabulary.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, engine_of_one_text
from lumina_cli.core.inference.filters import Row
from lumina_cli.core.inference.sequence import SequenceState, as_rows
from lumina_cli.core.inference.speculative import NUM_GUESSES, Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.inference.utf8_mask import Utf8Mask
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer


def generate(
    model: Transformer,
    prompt_ids: Sequence[int],
    *,
    tokenizer: Tokenizer,
    config: SamplingConfig,
    generator: torch.Generator,
    reader: Engine | None = None,
    speculator: Speculator | None = None,
) -> Iterator[GenerationChunk]:
    """Yield what the model says after a prompt, as it says it.

    The text of the pieces is valid at every moment: half a character is held back, and so
    is what may turn out to be a stop text. It ends with <|end|> (its last piece, without
    text), after `max_chars` characters, or before a stop text. Beam search doesn't stream:
    see `BeamSearch`.

    Args:
        model: in `eval()` mode.
        prompt_ids: what stands before, at least one id; of more than the model's context the
            newest part is read.
        tokenizer: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the CPU.
        reader: keeps what was read from call to call, so that a common beginning is read once.
        speculator: several ids may then be said with one pass; the text is the same.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    assert config.sampler != "beam", "beam search doesn't stream"
    if reader is None:
        reader = engine_of_one_text(model, is_guessing=True) if speculator else Engine(model)
    speaker = SequenceState(
        prompt_ids,
        tokenizer=tokenizer,
        config=config,
        generator=generator,
        valid_text=Utf8Mask(tokenizer),
    )
    logits = as_rows(reader.read(newest(prompt_ids, model=model)))
    yield from _say(speaker, logits, reader=reader, guesses=[])[0]
    if speculator is not None:
        speculator.begin([*prompt_ids[-model.config.seq_length :], speaker.last])
    while not speaker.has_ended:
        if speculator is None:
            logits = as_rows(reader.append(torch.tensor([speaker.last])))
            yield from _say(speaker, logits, reader=reader, guesses=[])[0]
        else:
            yield from _guess_and_say(speaker, reader=reader, speculator=speculator)


def _guess_and_say(
    speaker: SequenceState, *, reader: Engine, speculator: Speculator
) -> list[GenerationChunk]:
    """Say one id, or several if a pass over guesses pays and they are right."""
    speculator.start()
    guesses = speculator.guesses(NUM_GUESSES) if reader.room > NUM_GUESSES else []
    if guesses:
        logits = reader.append_guesses([speaker.last, *guesses])
    else:
        logits = reader.append(torch.tensor([speaker.last]))
    pieces, chosen = _say(speaker, as_rows(logits), reader=reader, guesses=guesses)
    speculator.stop(chosen, num_guessed=len(guesses))
    return pieces


def _say(
    speaker: SequenceState, logits: Row, *, reader: Engine, guesses: list[int]
) -> tuple[list[GenerationChunk], list[int]]:
    """Choose ids as long as they are those guessed; the reader forgets what follows the last.

    Args:
        speaker: says them.
        logits: (1, V) of what follows all that was read, or (1 + G, V) of what follows before
            the guesses and after each of them.
        reader: which read the guesses.
        guesses: G ids.

    Returns:
        what is certain to be text, and the ids chosen.
    """
    pieces: list[GenerationChunk] = []
    chosen: list[int] = []
    length = reader.length - len(guesses)
    for row, guess in zip(logits, [*guesses, None], strict=True):
        pieces += speaker.say(row, again=lambda: reader.read_anew(length=length + len(chosen)))
        chosen.append(speaker.last)
        if speaker.has_ended or speaker.last != guess:
            break
    reader.truncate(length + len(chosen) - 1)
    return pieces, chosen


def newest(prompt_ids: Sequence[int], *, model: Transformer) -> Tensor:
    """Return as much of the end of a prompt as the model's context holds, (1, T)."""
    kept = prompt_ids[-model.config.seq_length :]
    return torch.tensor([kept], dtype=torch.long, device=model.wte.weight.device)
