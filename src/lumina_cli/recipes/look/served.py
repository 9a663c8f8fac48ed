"""The views of a model that is served."""

from collections.abc import Mapping
from typing import Any

import torch

from lumina_cli.look.source.view import TrainingText
from lumina_cli.recipes.infer.loaded_model import LoadedModel
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.server.generation.models import Look

FOR_THIS_MACHINE = "a server that other machines can reach shows nobody the training text"


def look_into(loaded: LoadedModel, *, is_private: bool) -> Look | None:
    """Return what answers requests about a model, None where it computes in another precision.

    Args:
        loaded: the model.
        is_private: whether nobody but the person at this machine asks; others are shown no
            training text.
    """
    if loaded.file.model.wte.weight.dtype != torch.float32:
        return None
    looker = Looker(loaded)
    if not is_private:
        looker.training = TrainingText([], [], [], FOR_THIS_MACHINE)

    def look(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return looker.answer(request)

    return look
