"""The decoding loop: read the prompt, then say one id after the other.

B batch, T time, V vocabulary.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.ending import Ending, Piece
from lumina_cli.core.sampling.reader import Reader
from lumina_cli.core.sampling.samplers import greedy, make_sampler, refuse_unusable
from lumina_cli.core.sampling.valid_text import ValidText
from lumina_cli.tokenizer.ids import Special
from lumina_cli.tokenizer.stream import StreamDecoder
from lumina_cli.tokenizer.vocabulary import Vocabulary

PENALIZED_IDS = 64
"""How far back the repetition penalty looks: further, and every letter would be penalized."""

MAX_ROWS = 64
"""Texts answered side by side: more gain little and take memory."""


@torch.inference_mode()
def generate(
    model: Transformer,
    prompt_ids: Sequence[int],
    *,
    vocabulary: Vocabulary,
    config: SamplingConfig,
    generator: torch.Generator,
    reader: Reader | None = None,
) -> Iterator[Piece]:
    """Yield what the model says after a prompt, as it says it.

    The text of the pieces is valid at every moment: half a character is held back, and so
    is what may turn out to be a stop text. It ends with <|end|> (its last piece, without
    text), after `max_chars` characters, or before a stop text. Beam search doesn't stream:
    see `BeamSearch`.

    Args:
        model: in `eval()` mode.
        prompt_ids: what stands before, at least one id; of more than the model's context the
            newest part is read.
        vocabulary: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the model's device.
        reader: keeps what was read from call to call, so that a common beginning is read once.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    assert config.sampler != "beam", "beam search doesn't stream"
    reader = reader or Reader(model)
    sample = make_sampler(config, generator=generator)
    valid_text = ValidText(model.vocab_size, device=model.wte.weight.device)
    decoder = StreamDecoder(vocabulary.characters)
    ending = Ending(max_chars=config.max_chars, stop=config.stop)
    recent = deque(prompt_ids, maxlen=PENALIZED_IDS)
    logits = reader.read(newest(prompt_ids, model=model))
    while True:
        idx = sample(logits + valid_text.bias([decoder.next_bytes]), recent)
        id_ = int(idx)  # sync point
        logprob = logits.log_softmax(dim=-1)[0, id_].item()
        yield from ending.push(Piece(decoder.push(id_), id_, logprob))
        if ending.reached:
            return
        recent.append(id_)
        logits = reader.append(idx)


def newest(prompt_ids: Sequence[int], *, model: Transformer) -> Tensor:
    """Return as much of the end of a prompt as the model's context holds, (1, T)."""
    kept = prompt_ids[-model.config.seq_length :]
    return torch.tensor([kept], dtype=torch.long, device=model.wte.weight.device)


def greedy_replies(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    vocabulary: Vocabulary,
    max_chars: int,
) -> list[str]:
    """Return the greedy reply to each prompt; prompts of equal length are answered together.

    Args:
        model: in `eval()` mode.
        prompts: ids, each at least one; of more than the model's context the newest part is read.
        vocabulary: that of the model.
        max_chars: longest reply, in characters.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    seq_length = model.config.seq_length
    rows_by_length: dict[int, list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        rows_by_length[min(len(prompt), seq_length)].append(row)
    replies = [""] * len(prompts)
    for rows in rows_by_length.values():
        for start in range(0, len(rows), MAX_ROWS):
            group = rows[start : start + MAX_ROWS]
            idx = torch.tensor([prompts[row][-seq_length:] for row in group])
            texts = _greedy_group(model, idx, vocabulary=vocabulary, max_chars=max_chars)
            for row, text in zip(group, texts, strict=True):
                replies[row] = text
    return replies


@torch.inference_mode()
def _greedy_group(
    model: Transformer, idx: Tensor, *, vocabulary: Vocabulary, max_chars: int
) -> list[str]:
    """Answer prompts of equal length, (B, T); a row that has ended goes on unheard."""
    B, _ = idx.shape
    device = model.wte.weight.device
    reader = Reader(model, batch_size=B)
    valid_text = ValidText(model.vocab_size, device=device)
    decoders = [StreamDecoder(vocabulary.characters) for _ in range(B)]
    texts = [""] * B
    ended = [False] * B
    logits = reader.read(idx.to(device))
    while True:
        logits = logits + valid_text.bias([decoder.next_bytes for decoder in decoders])
        refuse_unusable(logits)
        chosen = greedy(logits)
        for row, id_ in enumerate(chosen.tolist()):
            if not ended[row]:
                texts[row] += decoders[row].push(id_)
                ended[row] = id_ == Special.END or len(texts[row]) >= max_chars
        if all(ended):
            return texts
        logits = reader.append(chosen)
