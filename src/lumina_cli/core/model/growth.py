"""New characters for a model: rows behind the old ones, which stay as they are to the bit.

A new row begins with what the model knows of the character. Its nearest kin is the same
letter in the other case, or the letter below its accents; where the model knows neither,
it is the mean of the character's bytes, of the characters of its script, and of all. An
average has less spread than a row has: what is missing is added at random, so that new
characters differ from each other. Then the rows of the head are moved so that each
character is expected as often as it stands in the new text. Measured: docs/finetune.md.

B batch, T time, C hidden size, V vocabulary, M positions, N new characters.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.data.scripts import script_of
from lumina_cli.tokenizer.ids import FIRST_BYTE, FIRST_CHARACTER
from lumina_cli.tokenizer.vocabulary import Vocabulary

LARGEST_SHARE = 0.99
"""Of new characters in a text, as far as the old ones' odds are concerned."""


@torch.no_grad()
def grow(
    model: Transformer, characters: str, *, vocabulary: Vocabulary, generator: torch.Generator
) -> Transformer:
    """Return the model with rows for more characters; the given model is left as it is.

    Args:
        model: with a row for each id of `vocabulary`.
        characters: the new ones, in the order of their ids.
        vocabulary: of the model.
        generator: of what is random in the new rows.
    """
    assert len(vocabulary) == model.vocab_size, (len(vocabulary), model.vocab_size)
    kin = _kin(characters, vocabulary=vocabulary)
    state = dict(model.state_dict())
    for name in ("wte.weight", "lm_head.weight"):
        state[name] = torch.cat([state[name], _new_rows(state[name], kin, generator=generator)])
    grown = Transformer(model.config, vocab_size=model.vocab_size + len(characters))
    grown.load_state_dict(state)
    return grown.to(model.wte.weight.device).train(model.training)


@torch.no_grad()
def expect_as_frequent(model: Transformer, counts: Sequence[int], *, idx: Tensor) -> None:
    """Move the last rows of the head so that each character is as likely as it is frequent.

    Rows move along the mean hidden state alone, so what sets characters apart stays.

    Args:
        model: grown; the rows of old ids are not touched.
        counts: how often each new character stands in a text, and last, all the others
            together, (N + 1,).
        idx: ids of some of that text, (B, T).
    """
    *new, others = torch.tensor(counts, dtype=torch.float64).clamp(min=0.5).tolist()
    if not new:
        return
    hidden = model.hidden(idx).flatten(0, 1)  # (M, C)
    mean = hidden.mean(dim=0)
    head = model.lm_head.weight
    old_rows, rows = head[: -len(new)], head[-len(new) :]
    certainty = torch.logsumexp(hidden @ old_rows.T, dim=-1).mean()
    others = max(others, (1 - LARGEST_SHARE) * sum(new))
    odds = torch.tensor(new, device=head.device) / others
    rows += torch.outer((certainty + odds.log() - rows @ mean) / mean.square().sum(), mean)


def _kin(characters: str, *, vocabulary: Vocabulary) -> list[list[list[int]]]:
    """Return for each character groups of ids that are like it; an empty group is every one."""
    id_of = {c: FIRST_CHARACTER + n for n, c in enumerate(vocabulary.characters)}
    of_script: dict[str, list[int]] = defaultdict(list)
    for character, id_ in id_of.items():
        of_script[script_of(character)].append(id_)
    return [
        _nearest(character, id_of=id_of)
        or [
            [FIRST_BYTE + byte for byte in character.encode()],
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
    rows: Tensor, kin: Sequence[Sequence[Sequence[int]]], *, generator: torch.Generator
) -> Tensor:
    """Return a row for each new character, (N, C)."""
    known = rows[FIRST_CHARACTER:] if len(rows) > FIRST_CHARACTER else rows
    mean, spread = known.mean(dim=0), known.std(dim=0, correction=0)
    usual = spread.square().sum()
    made = []
    for groups in kin:
        means = [rows[list(ids)].mean(dim=0) if ids else mean for ids in groups]
        center = torch.stack(means).mean(dim=0)
        missing = 1 - (center - mean).square().sum() / usual
        noise = torch.randn(rows.size(1), generator=generator).to(rows.device)
        made.append(center + missing.clamp(min=0).sqrt() * spread * noise)
    return torch.stack(made) if made else rows[:0]
