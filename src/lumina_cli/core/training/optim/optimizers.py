"""The optimizer: AdamW, and where it is asked for Muon on the matrices of the layers.

Ranks that train together share the work, where that pays; all have the weights of all.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.adamw import SHARED_FROM, AdamW
from lumina_cli.core.training.optim.flat import FlatParameters, StatePart
from lumina_cli.core.training.optim.muon import Matrices, Muon
from lumina_cli.core.training.parallel.rank import ALONE, Rank


class Optimizers:
    """One optimizer or two that step as one; all learning rates are scaled by one factor.

    Args:
        adamw: for some of the parameters.
        muon: for the others, if there are others.
    """

    def __init__(self, adamw: AdamW, muon: Muon | None = None) -> None:
        self.adamw = adamw
        self.muon = muon
        self._flats: list[FlatParameters] = [adamw.flat]
        if muon is not None:
            self._flats += muon.flats.values()
        self._own_gradients = [flat.own(flat.gradients) for flat in self._flats]

    @torch.no_grad()
    def step(self, *, lr_factor: float, grad_factor: float = 1.0) -> None:
        """Do one step, whole even if memory runs out in it; all ranks call it.

        Args:
            lr_factor: share of the highest learning rates.
            grad_factor: what the gradients that it goes by are multiplied by, in place.
        """
        if grad_factor != 1.0:
            for gradients in self._own_gradients:
                retry_on_oom(partial(gradients.mul_, grad_factor))
        if self.muon is not None:
            self.muon.step(lr_factor=lr_factor)
        self.adamw.step(lr_factor=lr_factor)
        for flat in self._flats:
            flat.share()

    @torch.no_grad()
    def zero_grad(self) -> None:
        """Set the gradients to zero; backward passes add to them."""
        for flat in self._flats:
            flat.gradients.zero_()

    @torch.no_grad()
    def grad_norm(self) -> Tensor:
        """Return the length of the whole gradient."""
        norms = [torch.linalg.vector_norm(flat.gradients) for flat in self._flats]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return norm

    @property
    def gradients(self) -> list[Tensor]:
        """The gradients, in which those of all parameters lie end to end, each (N,)."""
        return [flat.gradients for flat in self._flats]

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state by name, whole on the first rank; beside it there is `num_steps`.

        All ranks call it. The tensors of a process alone are the live ones.

        Raises:
            OutOfMemoryError: (torch's) on every rank, where it ran out on one.
        """
        return {name: part.whole() for name, part in self.state().items()}

    def state(self) -> dict[str, StatePart]:
        """Return what this rank has of the state, by name."""
        muon = self.muon.state() if self.muon is not None else {}
        named = {"adamw": self.adamw.state(), "muon": muon}
        return {f"{kind}/{name}": part for kind, own in named.items() for name, part in own.items()}

    @property
    def num_steps(self) -> int:
        """How many steps were done; AdamW corrects its first ones by it."""
        return self.adamw.num_steps

    @torch.no_grad()
    def load_state_dict(self, tensors: Mapping[str, Tensor], *, num_steps: int) -> None:
        """Take over a whole state. Raises KeyError or RuntimeError where it is of another shape."""
        for name, part in self.state().items():
            part.load(tensors[name])
        self.adamw.num_steps = num_steps


def shares_update(numbers: int, *, config: TrainingConfig) -> bool:
    """Whether ranks share the update of so many parameters that learn, or of most of them."""
    return config.optimizer == "muon" or numbers >= SHARED_FROM


def build_optimizers(model: nn.Module, *, config: TrainingConfig, rank: Rank = ALONE) -> Optimizers:
    """Return AdamW that decays matrices only; with Muon it keeps what Muon is not for.

    Muon takes the matrices inside the layers; embedding, head, biases, norms and adapters
    stay with AdamW, without decay. The parameters that learn are laid end to end; the others
    have no optimizer, and no gradient.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    in_layers = {
        name: Matrices(p, parts=3 if name.endswith("c_attn.weight") else 1)
        for name, p in named.items()
        if name.startswith("h.")
        and name.endswith(".weight")
        and p.dim() >= 2
        and config.optimizer == "muon"
    }
    rest = [p for name, p in named.items() if name not in in_layers]
    decays = config.optimizer == "adamw"
    adamw = AdamW(
        [p for p in rest if decays and p.dim() >= 2],
        [p for p in rest if not decays or p.dim() < 2],
        learning_rate=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        rank=rank,
    )
    if not in_layers:
        return Optimizers(adamw)
    matrices = list(in_layers.values())
    muon = Muon(matrices, learning_rate=config.muon_learning_rate, rank=rank)
    return Optimizers(adamw, muon)
