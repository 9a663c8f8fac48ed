"""How alike characters are, by the rows of the head."""

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.characters import characters
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.conftest import CHARACTERS, tiny_model


def test_similarity_is_symmetric_and_each_is_like_itself(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    grid = characters(model, tokenizer).similarity
    for i, row in enumerate(grid):
        assert row == pytest.approx([other[i] for other in grid], abs=0)
        assert row[i] == pytest.approx(1)
        assert all(-1 <= value <= 1 for value in row)


def test_what_all_rows_have_in_common_changes_nothing() -> None:
    model = tiny_model(CHARACTERS)
    before = characters(model, CHARACTERS)
    with torch.no_grad():
        model.lm_head.weight += torch.randn(32, generator=torch.Generator().manual_seed(1))
    after = characters(model, CHARACTERS)
    assert after.labels == before.labels
    for old, new in zip(before.similarity, after.similarity, strict=True):
        assert new == pytest.approx(old, abs=1e-4)


def test_two_with_the_same_row_are_neighbours_and_stand_side_by_side() -> None:
    model = tiny_model(CHARACTERS)
    known = CHARACTERS.character_ids
    with torch.no_grad():
        model.lm_head.weight[known["h"]] = model.lm_head.weight[known["b"]]
    view = characters(model, CHARACTERS)
    at = view.labels.index("h")
    assert view.neighbours[at].labels[0] == "b"
    assert view.neighbours[at].similarities[0] == pytest.approx(1)
    assert "b" in view.labels[max(0, at - 1) : at + 2]


def test_only_those_asked_for_are_compared_if_the_model_knows_them() -> None:
    view = characters(tiny_model(CHARACTERS), CHARACTERS, chosen="aaξb")
    assert sorted(view.labels) == ["a", "b"]
    assert view.num_left_out == 0
