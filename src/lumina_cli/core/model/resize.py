"""New characters for a model: rows behind the old ones, which stay as they are to the bit.

A new row begins with what the model knows of the character. Most similar is the same
letter in the other case, or the letter below its accents; where the model knows neither,
it is the mean of the character's bytes, of the characters of its script, and of all. An
average has less spread than a row has: what is missing is added at random, so that new
characters differ from each other. Then the rows of the head are moved so that each
character is expected as often as it stands in the new text, and hardly ever in text that was
learnt before. Measured: docs/finetune.md.

B batch, T time, C hidden size, V vocabulary, M positions, N new characters.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.data.stats.scripts import script_of
from lumina_cli.tokenizer.base import Tokenizer

LARGEST_SHARE = 0.99
"""Of new characters in a text, as far as the old ones' odds are concerned."""

OLD_TEXT_ODDS = 1e-3
"""Of all new characters together in old text, which then costs as many nats more."""

NEWTON_STEPS, NEWTON_DAMPING, RIDGE = 8, 0.7, 1e-3
ROWS_AT_ONCE = 1_024


@torch.no_grad()
def resize_embeddings(
    model: Transformer, characters: str, *, tokenizer: Tokenizer, generator: torch.Generator
) -> Transformer:
    """Return the model with rows for more characters; the given model is left as it is.

    Args:
        model: with a row for each id of `tokenizer`.
        characters: the new ones, in the order of their ids.
        tokenizer: of the model.
        generator: of what is random in the new rows.
    """
    assert tokenizer.vocab_size == model.vocab_size, (tokenizer.vocab_size, model.vocab_size)
    similar = _similar_ids(characters, tokenizer=tokenizer)
    known = sorted(tokenizer.character_ids.values())
    state = dict(model.state_dict())
    for name in ("wte.weight", "lm_head.weight"):
        state[name] = torch.cat(
            [state[name], _new_rows(state[name], similar, known=known, generator=generator)]
        )
    grown = Transformer(model.config, vocab_size=model.vocab_size + len(characters))
    grown.load_state_dict(state)
    return grown.to(model.wte.weight.device).train(model.training)


@torch.no_grad()
def expect_as_frequent(
    model: Transformer, counts: Sequence[int], *, idx: Tensor, old_idx: Tensor | None = None
) -> None:
    """Move the last rows of the head so that each character is as likely as it is frequent.

    What counts is the mean of a character's odds over the positions of a text, not that of
    their logarithms: a model that is sure of its text gives a row that was not learnt with it
    high odds at a few positions, and these few are what old text would lose by.

    Args:
        model: grown; the rows of old ids are not touched.
        counts: how often each new character stands in a text, and last, all the others
            together, (N + 1,).
        idx: ids of some of that text, (B, T).
        old_idx: ids of some text that was learnt before, (B, T).
    """
    *new, others = torch.tensor(counts, dtype=torch.float64).clamp(min=0.5).tolist()
    if not new:
        return
    head = model.lm_head.weight
    old_rows, rows = head[: -len(new)], head[-len(new) :]
    others = max(others, (1 - LARGEST_SHARE) * sum(new))
    target = (torch.tensor(new, device=head.device) / others).log()  # (N,)
    texts = [_head_inputs(model, idx, rows=old_rows)]
    targets = [target]
    if old_idx is not None:
        texts.append(_head_inputs(model, old_idx, rows=old_rows))
        targets.append(target.clamp(max=math.log(OLD_TEXT_ODDS / len(new))))
    for start in range(0, len(new), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        for _ in range(NEWTON_STEPS):
            rows[part] += _newton_step(rows[part], texts, [target[part] for target in targets])


class _HeadInputs(NamedTuple):
    """What the head reads at the positions of a text, (M, C).

    `log_normalizer` is the logsumexp of the logits of the old ids, (M,).
    """

    hidden: Tensor
    log_normalizer: Tensor


def _head_inputs(model: Transformer, idx: Tensor, *, rows: Tensor) -> _HeadInputs:
    hidden = model.hidden(idx).flatten(0, 1)
    return _HeadInputs(hidden, torch.logsumexp(hidden @ rows.T, dim=-1))


def _newton_step(rows: Tensor, texts: Sequence[_HeadInputs], targets: Sequence[Tensor]) -> Tensor:
    """Return what brings the log of the mean odds of each row closer to its targets, (N, C).

    The first text is to be met; in the others odds may be lower than their target.
    """
    missing: list[Tensor] = []
    slopes: list[Tensor] = []
    for text, target in zip(texts, targets, strict=True):
        log_odds = rows @ text.hidden.T - text.log_normalizer  # (N, M)
        mean = torch.logsumexp(log_odds, dim=-1) - math.log(len(text.log_normalizer))
        missing.append(target - mean if not missing else (target - mean).clamp(max=0))
        slopes.append(torch.softmax(log_odds, dim=-1) @ text.hidden)  # (N, C)
    slope = torch.stack(slopes, dim=1)  # (N, texts, C)
    ridge = RIDGE * slope.square().sum(dim=-1).mean()  # two texts may be all but the same
    gram = slope @ slope.mT + ridge * torch.eye(len(texts), device=rows.device)
    solved = torch.linalg.solve(gram, torch.stack(missing, dim=-1).unsqueeze(-1))
    step: Tensor = NEWTON_DAMPING * (solved.mT @ slope).squeeze(1)
    return step


def _similar_ids(characters: str, *, tokenizer: Tokenizer) -> list[list[list[int]]]:
    """Return for each character groups of ids that are like it; an empty group is every one."""
    id_of = tokenizer.character_ids
    of_script: dict[str, list[int]] = defaultdict(list)
    for character, id_ in id_of.items():
        of_script[script_of(character)].append(id_)
    return [
        _nearest(character, id_of=id_of)
        or [
            tokenizer.encode(character),
            *([of_script[script]] if (script := script_of(character)) in of_script else []),
            [],
        ]
        for character in characters
    ]


def _nearest(character: str, *, id_of: Mapping[str, int]) -> list[list[int]]:
    """Return the ids of the same letter in the other case, and without accents or width."""
    cases = {character.lower(), character.upper(), character.casefold()}
    forms = set(unicodedata.normalize("NFD", character) + unicodedata.normalize("NFKD", character))
    forms = {form for form in forms if not unicodedata.combining(form)}
    groups = [sorted(id_of[c] for c in found if c in id_of) for found in (cases, forms)]
    return [group for group in groups if group]


def _new_rows(
    rows: Tensor,
    similar: Sequence[Sequence[Sequence[int]]],
    *,
    known: Sequence[int],
    generator: torch.Generator,
) -> Tensor:
    """Return a row for each new character, (N, C); `known` are the ids of characters."""
    of_characters = rows[known] if known else rows
    mean, spread = of_characters.mean(dim=0), of_characters.std(dim=0, correction=0)
    usual = spread.square().sum()
    made = []
    for groups in similar:
        means = [rows[list(ids)].mean(dim=0) if ids else mean for ids in groups]
        center = torch.stack(means).mean(dim=0)
        missing = 1 - (center - mean).square().sum() / usual
        noise = torch.randn(rows.size(1), generator=generator).to(rows.device)
        made.append(center + missing.clamp(min=0).sqrt() * spread * noise)
    return torch.stack(made) if made else rows[:0]
