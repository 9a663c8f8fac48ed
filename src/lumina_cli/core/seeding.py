"""Randomness, all of it from one seed, each use with a stream of its own.

torch's default generator belongs to the training step alone, for dropout on a GPU can't be
handed another: `seed_dropout` sets it at the start and nothing else may touch it. On a CPU
dropout draws from it too, but for threads that share a step: theirs are seeded from it.
"""

import hashlib
import secrets

import torch
from torch import Tensor

RandomState = dict[str, Tensor]
"""States of the default generators by kind of device."""


def make_generator(seed: int, purpose: str) -> torch.Generator:
    """Return a CPU generator for one purpose; different purposes share no numbers."""
    return torch.Generator().manual_seed(_derive(seed, purpose))


def new_seed() -> int:
    """Return a seed that nobody chose, short enough to be typed again."""
    return secrets.randbits(32)


def seed_dropout(seed: int) -> None:
    """Set the default generators, from which dropout draws."""
    torch.manual_seed(_derive(seed, "dropout"))


def random_state(device: torch.device) -> RandomState:
    """Return the state of the generators from which dropout draws on a device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random_state(state: RandomState, *, device: torch.device) -> None:
    """Let dropout go on from a state; a generator that isn't there is passed over."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def _derive(seed: int, purpose: str) -> int:
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
