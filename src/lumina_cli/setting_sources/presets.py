"""Presets: settings that go together, by name."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from lumina_cli.errors import UsageError
from lumina_cli.setting_sources.layers import Layer


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that go together.

    `sampling` is kept in the model file as that model's own sampler settings.
    """

    description: str
    values: Mapping[str, object]
    data: str | None = None
    sampling: Mapping[str, str | float] | None = None


PRESETS: dict[str, Preset] = {
    "demo": Preset(
        "learns the starter corpus in about three minutes on two CPU cores",
        {
            "hidden_size": 64,
            "num_layers": 4,
            "num_heads": 2,
            "seq_length": 128,
            "position_encoding": "rotary",
            "dropout": 0.0,
            "batch_size": 16,
            "epochs": None,
            "max_steps": 3000,
            "optimizer": "muon",
            "learning_rate": 1.5e-3,
            "muon_learning_rate": 0.006,
            "beta2": 0.99,
            "warmup_ratio": 0.02,
            "min_lr_ratio": 0.02,
            "label_smoothing": 0.0,
            "num_evals": 10,
            "eval_chars": 30_000,
            "loss_on": "bot",
        },
        data="starter",
        sampling={"sampler": "greedy"},
    ),
    "small": Preset(
        "for a laptop: done in 45 minutes, with little memory",
        {
            "hidden_size": 256,
            "num_layers": 4,
            "seq_length": 256,
            "batch_size": 8,
            "epochs": None,
            "minutes": 45.0,
        },
    ),
    "base": Preset("the defaults", {}),
    "large": Preset(
        "for a GPU with memory to spare",
        {"hidden_size": 1024, "num_layers": 12, "batch_size": 32},
    ),
}


def layer_of_preset(name: object) -> tuple[Layer, Preset | None]:
    """Return what a preset sets, and the preset."""
    if name is None:
        return ({}, {}), None
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError(
            f"there is no preset {name!r} (there is: {', '.join(PRESETS)})",
            hint=_preset_meant(name) or "See what they hold with: lumina train --list-presets",
        )
    preset = PRESETS[name]
    return (dict(preset.values), dict.fromkeys(preset.values, f"preset {name}")), preset


def _preset_meant(name: object) -> str:
    close = difflib.get_close_matches(str(name).lower(), PRESETS, n=1)
    return f"Did you mean: lumina train --preset {close[0]}" if close else ""
