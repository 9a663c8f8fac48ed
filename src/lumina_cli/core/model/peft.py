"""A model of which only parts learn, and the plain model that it stands for.

Its state is named as that of a plain model, with the adapters beside it, so that
checkpoints hold both and model files hold what was merged.

B batch, T time, C hidden size, V vocabulary.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.lora import ADAPTER_NAMES, LoRALinear, apply_lora
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.model.transformer import Transformer


class _NewRows(nn.Module):
    """A matrix whose last rows learn while the others stay as they are."""

    def __init__(self, matrix: Tensor, *, num_new: int) -> None:
        super().__init__()
        old = len(matrix) - num_new
        self.weight = nn.Parameter(matrix.detach()[:old].clone(), requires_grad=False)
        self.rows = nn.Parameter(matrix.detach()[old:].clone())

    def whole(self) -> Tensor:
        """Return all rows, as a plain layer has them."""
        return torch.cat([self.weight, self.rows])

    def _save_to_state_dict(
        self,
        destination: dict[str, Any],
        prefix: str,
        keep_vars: bool,  # noqa: FBT001  torch's
    ) -> None:
        destination[prefix + "weight"] = self.whole().detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        matrix = state_dict[prefix + "weight"]
        if matrix.shape != self.whole().shape:
            raise RuntimeError(f"{prefix}weight has the shape {tuple(matrix.shape)}")
        with torch.no_grad():
            self.weight.copy_(matrix[: len(self.weight)])
            self.rows.copy_(matrix[len(self.weight) :])


class NewRowsEmbedding(_NewRows):
    """An embedding in which only new characters learn."""

    def forward(self, idx: Tensor) -> Tensor:
        return F.embedding(idx, self.whole())  # (B, T, C)


class NewRowsHead(_NewRows):
    """A head in which only new characters learn; the old rows need no gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.linear(x, self.weight), F.linear(x, self.rows)], dim=-1)  # (..., V)


def apply_peft(model: Transformer, peft: PeftConfig, *, generator: torch.Generator) -> Transformer:
    """Let only some parts of a model learn, in place, and return it."""
    for number, layer in enumerate(model.h):
        if peft.lora_rank or number < peft.frozen_layers:
            layer.requires_grad_(requires_grad=False)
        if peft.lora_rank and number >= peft.frozen_layers:
            apply_lora(
                layer,  # type: ignore[arg-type]  # a ModuleList does not tell of what
                rank=peft.lora_rank,
                alpha=peft.lora_alpha,
                generator=generator,
            )
    if peft.lora_rank:
        model.ln_f.requires_grad_(requires_grad=False)
    if peft.freezes_embedding:
        model.wte.requires_grad_(requires_grad=False)
        if peft.num_new:
            model.wte = NewRowsEmbedding(model.wte.weight, num_new=peft.num_new)  # type: ignore[assignment]
    if peft.freezes_head:
        model.lm_head.requires_grad_(requires_grad=False)
        if peft.num_new:
            model.lm_head = NewRowsHead(model.lm_head.weight, num_new=peft.num_new)  # type: ignore[assignment]
    return model


def is_adapter(name: str) -> bool:
    """Whether a tensor of a model's state is part of an adapter."""
    return name.endswith(ADAPTER_NAMES)


@torch.no_grad()
def merge_lora(model: Transformer) -> Transformer:
    """Return the plain model that computes the same; a plain model is returned as it is."""
    if not any(isinstance(part, LoRALinear | _NewRows) for part in model.modules()):
        return model
    state = {name: t for name, t in model.state_dict().items() if not is_adapter(name)}
    for name, part in model.named_modules():
        if isinstance(part, LoRALinear):
            state[f"{name}.weight"] = part.merged_weight()
    return _plain(state, like=model)


@torch.no_grad()
def interpolate_weights(
    model: Transformer, start: Mapping[str, Tensor], *, alpha: float
) -> Transformer:
    """Return a plain model on the straight line from `start` to where `model` is.

    Args:
        model: that has learnt.
        start: the weights it began with, by their names in a plain model.
        alpha: share of what it learnt; 1 is the model itself.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
    """
    now = merge_lora(model).state_dict()
    return _plain({name: torch.lerp(start[name], now[name], alpha) for name in now}, like=model)


def _plain(state: Mapping[str, Tensor], *, like: Transformer) -> Transformer:
    with torch.random.fork_rng(devices=[]):  # a run that saves goes on as one that doesn't
        plain = Transformer(like.config, vocab_size=like.vocab_size)
    plain.load_state_dict(state)
    return plain.to(like.wte.weight.device).train(like.training)
