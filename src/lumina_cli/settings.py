"""Settings from wherever they were given: one source for each default, bound and help text.

The rooms' configs say what can be set. A value is taken from the first of these that has
it: flag, `LUMINA_*` variable, TOML file, preset, default. What is wrong is told together
with where it came from.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.server.config import ServeConfig
from lumina_cli.setting_sources.layers import (
    Layer,
    Notices,
    layer_of_environment,
    layer_of_flags,
    without_fixed,
)
from lumina_cli.setting_sources.presets import PRESETS, Preset, layer_of_preset
from lumina_cli.setting_sources.toml_file import (
    DEFAULT_TOML,
    PATHS,
    layer_of_toml,
    refuse_exposing,
    refuse_paths_elsewhere,
)
from lumina_cli.setting_sources.validation import Config, validated
from lumina_cli.tokenizer.config import TokenizerConfig

ConfigType = type[BaseModel]

ALL_CONFIGS: tuple[ConfigType, ...] = (
    ModelConfig,
    TrainingConfig,
    DataConfig,
    TokenizerConfig,
    ComputeConfig,
    CheckpointConfig,
    SamplingConfig,
    EngineConfig,
    FinetuneConfig,
    ServeConfig,
)
_LEARNING_CONFIGS: tuple[ConfigType, ...] = (
    ModelConfig,
    TrainingConfig,
    DataConfig,
    ComputeConfig,
    CheckpointConfig,
)
TRAIN_CONFIGS: tuple[ConfigType, ...] = (*_LEARNING_CONFIGS, TokenizerConfig)
FINETUNE_CONFIGS: tuple[ConfigType, ...] = (FinetuneConfig, *_LEARNING_CONFIGS)

MODEL_SHAPE = ("hidden_size", "num_layers", "num_heads", "position_encoding")
"""What a model can't change any more once it is trained."""

FINETUNE_DEFAULTS: Mapping[str, object] = {
    "learning_rate": 1e-4,
    "warmup_ratio": 0.05,
    "epochs": 3,
    "label_smoothing": 0.0,
    "min_lr_ratio": 0.01,
    "num_evals": 10,
    "patience": 6,
    "loss_on": "bot",
}
"""In place of the usual defaults when a model is fine-tuned; `finetune` tells how it scales
the rate and the passes for small models and short texts."""

CHAT_DEFAULTS: Mapping[str, object] = {"precision": "fp32"}
EVAL_DEFAULTS: Mapping[str, object] = {"precision": "fp32"}
"""In place of the usual defaults where a model says or predicts text: figures and replies are
the same on every processor."""

LIMITS = {"epochs", "max_steps", "minutes"}
"""What can end a training run; naming one drops those named by a weaker source."""

DEFAULT_MODEL = Path("Model.pth")
DEFAULT_FINETUNED = Path("FineTuned_Model.pth")
BASE_PLACE = "the model file"
"""Where values come from that stand in place of defaults."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a command, validated, and where each was taken from.

    `sources` names the place of each value that is not a default.
    """

    configs: Mapping[ConfigType, BaseModel]
    sources: Mapping[str, str]
    preset: Preset | None
    notices: Notices = ()

    def of(self, kind: type[Config]) -> Config:
        """Return one room's config."""
        config = self.configs[kind]
        assert isinstance(config, kind)
        return config

    def values(self) -> dict[str, object]:
        """Return all settings by name, as plain JSON values."""
        return {
            name: value
            for config in self.configs.values()
            for name, value in config.model_dump(mode="json").items()
        }

    def replaced(self, values: Mapping[str, object], *, source: str) -> "Settings":
        """Return these settings with some values in place of others.

        Raises:
            UsageError: together they are not valid.
        """
        merged, sources = {**self.values(), **values}, {**self.sources}
        sources.update(dict.fromkeys(values, source))
        configs = {kind: validated(kind, values=merged, sources=sources) for kind in self.configs}
        return replace(self, configs=configs, sources=sources)

    @property
    def preset_name(self) -> str | None:
        """The name of the preset, if there is one."""
        return next((name for name, preset in PRESETS.items() if preset is self.preset), None)


def resolve_settings(
    kinds: Sequence[ConfigType],
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None = None,
    preset: str | None = None,
    base: Mapping[str, object] | None = None,
    fixed: Collection[str] = (),
) -> Settings:
    """Return the settings of a command.

    Args:
        kinds: the configs that the command uses; other rooms' settings are passed over.
        flags: values by setting, None where a flag was not given.
        environ: the environment.
        toml: the settings file; without it `lumina.toml` where that exists.
        preset: name of a preset; without it, one that environment or file may name.
        base: values in place of defaults, such as a model's own sampler settings.
        fixed: settings that `base` alone may set, and `preset` where none is to count.

    Raises:
        UsageError: a value or a name is wrong; the message says where it came from.
        MissingInputError: the settings file is not there.
    """
    known = setting_names()
    toml_layer, notices = layer_of_toml(toml, known=known)
    env_layer, env_notices = layer_of_environment(environ, known=known)
    flag_layer, flag_notices = layer_of_flags(flags)
    notices += env_notices + flag_notices
    for layer in (toml_layer, env_layer):
        notices += without_fixed(layer, fixed)
    chosen = preset or env_layer[0].get("preset") or toml_layer[0].get("preset")
    preset_layer, chosen_preset = layer_of_preset(chosen)
    layers: list[Layer] = [(dict(base or {}), dict.fromkeys(base or {}, BASE_PLACE))]
    layers += [preset_layer, toml_layer, env_layer, flag_layer]
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for layer_values, layer_sources in layers:
        if not LIMITS.isdisjoint(layer_values):
            values.update(dict.fromkeys(LIMITS))  # an end that is asked for replaces the usual one
            for name in LIMITS:
                sources.pop(name, None)
        values.update(layer_values)
        sources.update(layer_sources)
    if toml is None:
        used = [name for name in setting_names(kinds) if sources.get(name) == str(DEFAULT_TOML)]
        refuse_exposing(used)
        refuse_paths_elsewhere({name: values[name] for name in PATHS.intersection(used)})
        if chosen is not None and chosen is toml_layer[0].get("preset"):
            used.insert(0, "preset")
        if used:
            notices = (f"{DEFAULT_TOML} in this folder sets: {', '.join(used)}", *notices)
    configs = {kind: validated(kind, values=values, sources=sources) for kind in kinds}
    return Settings(configs, sources, chosen_preset, notices)


def resumed_settings(
    kinds: Sequence[ConfigType],
    *,
    saved: Mapping[str, object],
    preset: str | None,
    flags: Mapping[str, object],
) -> Settings:
    """Return the settings of a run that goes on: those it was begun with, and flags over them.

    Environment and settings files are not asked again: they spoke when the run began.

    Raises:
        UsageError: a flag is wrong.
    """
    (given, sources), notices = layer_of_flags(flags)
    values = dict(saved)
    if not LIMITS.isdisjoint(given):
        values.update(dict.fromkeys(LIMITS))
    values.update(given)
    configs = {kind: validated(kind, values=values, sources=sources) for kind in kinds}
    return Settings(configs, sources, PRESETS.get(preset or ""), notices)


def setting_names(kinds: Sequence[ConfigType] = ALL_CONFIGS) -> list[str]:
    """Return the names of all settings, in order."""
    return [name for kind in kinds for name in kind.model_fields]
