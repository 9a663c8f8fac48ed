"""What a fine-tuned model is not to forget."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from lumina_cli.core.training.state import START
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.recipes.finetune.base import Base, BaseLoss
from lumina_cli.recipes.finetune.replay import ReplayData
from lumina_cli.recipes.finetune.retention import retention_limit
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.settings import FINETUNE_CONFIGS, resolve_settings
from tests.unit.recipes.tiny import source_and_corpus, tiny_model, written

MODEL = tiny_model(300)


@pytest.fixture
def old(tmp_path: Path) -> ReplayData:
    _, corpus = source_and_corpus(written(tmp_path))
    return ReplayData(("old.txt",), (corpus.train,), (corpus.validation,), ("it was moved",))


def resumed(*names: str) -> Resumed:
    """A run whose checkpoint holds tensors of these names."""
    checkpoint = SimpleNamespace(tensors=dict.fromkeys(names, torch.zeros(1)))
    return cast(Resumed, SimpleNamespace(found=SimpleNamespace(checkpoint=checkpoint)))


def limit(old: ReplayData, *, loss: float | None = 2.0, **options: Any) -> RetentionLimit:
    usual: dict[str, Any] = {"replays": True, "resumed": None, "max_forgetting": None}
    options = {**usual, **options}
    flags = {"max_forgetting": options.pop("max_forgetting")}
    return retention_limit(
        resolve_settings(FINETUNE_CONFIGS, flags=flags, environ={}),
        MODEL,
        base=Base(Path("Base.pth"), "", 300, {}, BaseLoss(1.0, loss)),
        replay_data=old,
        **options,
    )


def test_where_old_text_is_repeated_its_loss_may_rise_by_a_twelfth(old: ReplayData) -> None:
    found = limit(old)
    assert found.max_loss == pytest.approx(2.16)
    assert found.texts == old.validation


def test_the_share_that_is_asked_for_holds_whatever_is_repeated(old: ReplayData) -> None:
    assert limit(old, max_forgetting=0.5).max_loss == pytest.approx(3.0)
    assert limit(old, max_forgetting=0.5, replays=False).max_loss == pytest.approx(3.0)


def test_the_weights_it_began_with_are_kept_apart(old: ReplayData) -> None:
    base = limit(old).base_weights
    assert base.keys() == MODEL.state_dict().keys()
    assert torch.equal(base["wte.weight"], MODEL.wte.weight)
    assert base["wte.weight"].data_ptr() != MODEL.wte.weight.data_ptr()


@pytest.mark.parametrize("options", [{"replays": False}, {"loss": None}], ids=str)
def test_without_a_limit_it_is_only_measured(old: ReplayData, options: dict[str, Any]) -> None:
    found = limit(old, **options)
    assert (found.max_loss, dict(found.base_weights)) == (math.inf, {})
    assert found.texts == old.validation


def test_a_run_that_goes_on_is_held_if_it_was(old: ReplayData) -> None:
    held, free = resumed(START + "wte.weight"), resumed("model/wte.weight")
    assert limit(old, resumed=held, replays=False).max_loss == pytest.approx(2.16)
    assert limit(old, resumed=free).max_loss == math.inf
    with pytest.raises(UsageError, match="did not keep the weights it began with"):
        limit(old, resumed=free, max_forgetting=0.1)


def test_a_limit_without_the_text_that_it_is_of_is_refused() -> None:
    gone = ReplayData(notices=("old.txt is gone",))
    with pytest.raises(MissingInputError, match=r"is gone: old\.txt is gone"):
        limit(gone, resumed=resumed(START + "wte.weight"))
