"""Settings from wherever they were given: one source for each default, bound and help text.

The rooms' configs say what can be set. A value is taken from the first of these that has
it: flag, `LUMINA_*` variable, TOML file, preset, default. What is wrong is told together
with where it came from.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.io.regular_file import read_whole
from lumina_cli.renamed_settings import RENAMED

Config = TypeVar("Config", bound=BaseModel)
ConfigType = type[BaseModel]

ALL_CONFIGS: tuple[ConfigType, ...] = (
    ModelConfig,
    TrainingConfig,
    DataConfig,
    ComputeConfig,
    CheckpointConfig,
    SamplingConfig,
    FinetuneConfig,
)
TRAIN_CONFIGS: tuple[ConfigType, ...] = (
    ModelConfig,
    TrainingConfig,
    DataConfig,
    ComputeConfig,
    CheckpointConfig,
)
FINETUNE_CONFIGS: tuple[ConfigType, ...] = (FinetuneConfig, *TRAIN_CONFIGS)

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

ALIASES = {"nhead": "num_heads"}
"""Other names of settings, wherever a setting is named."""

LIMITS = {"epochs", "max_steps", "minutes"}
"""What can end a training run; naming one drops those named by a weaker source."""

PATHS = {"replay"}
"""Settings that may name a file or a folder. A `lumina.toml` that nobody named, and that may have
come with somebody else's folder, can name none outside of its own."""
MAX_NUMBER = 1 << 63
"""No whole number in the settings is as large."""

DEFAULT_TOML = Path("lumina.toml")
DEFAULT_MODEL = Path("Model.pth")
DEFAULT_FINETUNED = Path("FineTuned_Model.pth")
BASE_PLACE = "the model file"
"""Where values come from that stand in place of defaults."""

ENV_PREFIX = "LUMINA_"
ENV_NOT_SETTINGS = {"LUMINA_CACHE_DIR"}


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
        "for little memory",
        {"hidden_size": 256, "num_layers": 4, "seq_length": 256, "batch_size": 8},
    ),
    "base": Preset("the defaults", {}),
    "large": Preset(
        "for a GPU with memory to spare",
        {"hidden_size": 1024, "num_layers": 12, "batch_size": 32},
    ),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a command, validated, and where each was taken from.

    `sources` names the place of each value that is not a default.
    """

    configs: Mapping[ConfigType, BaseModel]
    sources: Mapping[str, str]
    preset: Preset | None
    notices: tuple[str, ...] = ()

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
        configs = {kind: _validated(kind, values=merged, sources=sources) for kind in self.configs}
        return replace(self, configs=configs, sources=sources)

    @property
    def preset_name(self) -> str | None:
        """The name of the preset, if there is one."""
        return next((name for name, preset in PRESETS.items() if preset is self.preset), None)


Layer = tuple[dict[str, object], dict[str, str]]
"""Values by setting, and the name of the place each comes from."""

Notices = tuple[str, ...]


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
    toml_layer, notices = _toml_layer(toml)
    env_layer, env_notices = _env_layer(environ)
    flag_layer, flag_notices = _flag_layer(flags)
    notices += env_notices + flag_notices
    for layer in (toml_layer, env_layer):
        notices += _without_fixed(layer, fixed)
    chosen = preset or env_layer[0].get("preset") or toml_layer[0].get("preset")
    preset_layer, chosen_preset = _preset_layer(chosen)
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
        _refuse_paths_elsewhere({name: values[name] for name in PATHS.intersection(used)})
        if chosen is not None and chosen is toml_layer[0].get("preset"):
            used.insert(0, "preset")
        if used:
            notices = (f"{DEFAULT_TOML} in this folder sets: {', '.join(used)}", *notices)
    configs = {kind: _validated(kind, values=values, sources=sources) for kind in kinds}
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
    (given, sources), notices = _flag_layer(flags)
    values = dict(saved)
    if not LIMITS.isdisjoint(given):
        values.update(dict.fromkeys(LIMITS))
    values.update(given)
    configs = {kind: _validated(kind, values=values, sources=sources) for kind in kinds}
    return Settings(configs, sources, PRESETS.get(preset or ""), notices)


def setting_names(kinds: Sequence[ConfigType] = ALL_CONFIGS) -> list[str]:
    """Return the names of all settings, in order."""
    return [name for kind in kinds for name in kind.model_fields]


def _flag_layer(flags: Mapping[str, object]) -> tuple[Layer, Notices]:
    given = {name: value for name, value in flags.items() if value is not None}
    return _renamed((given, {name: _as_flag(name) for name in given}), spelled=_as_flag)


def _as_flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _as_variable(name: str) -> str:
    return ENV_PREFIX + name.upper()


def _renamed(
    layer: Layer, *, spelled: Callable[[str], str], where: str = ""
) -> tuple[Layer, Notices]:
    """Return a layer by the names that settings have now, and a line for each older one.

    Args:
        layer: as it was given.
        spelled: says a setting's name as it is written there.
        where: stands behind such names.

    Raises:
        UsageError: a setting is given by both its names.
    """
    values, sources = layer
    notices: list[str] = []
    for old, new in RENAMED.items():
        if old not in values:
            continue
        if new in values:
            raise UsageError(
                f"{spelled(old)} and {spelled(new)}{where} are the same setting",
                hint=f"Leave out {spelled(old)}.",
            )
        values[new], sources[new] = values.pop(old), sources.pop(old)
        notices.append(f"{spelled(old)}{where} is now called {spelled(new)}")
    return (values, sources), tuple(notices)


def _env_layer(environ: Mapping[str, str]) -> tuple[Layer, Notices]:
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    notices: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in ENV_NOT_SETTINGS:
            continue
        name = _known_name(variable.removeprefix(ENV_PREFIX).lower())
        if name is None:
            notices.append(f"{variable} is not a setting and has no effect")
        else:
            values[name], sources[name] = environ[variable], variable
    layer, renamed_notices = _renamed((values, sources), spelled=_as_variable)
    return layer, (*notices, *renamed_notices)


def _without_fixed(layer: Layer, fixed: Collection[str]) -> Notices:
    """Take the settings that can't be set out of a layer, and tell of each."""
    values, places = layer
    notices = [
        f"{name} has no effect on a model that is trained already (from {places.pop(name)})"
        for name in fixed
        if values.pop(name, None) is not None
    ]
    return tuple(notices)


def _toml_layer(path: Path | None) -> tuple[Layer, Notices]:
    if path is None and not DEFAULT_TOML.is_file():
        return ({}, {}), ()
    path = path or DEFAULT_TOML
    values: dict[str, object] = {}
    for key, value in _read_toml(path).items():
        name = _known_name(key)
        if name is None:
            raise UsageError(f"{key!r} in {path} is not a setting", hint=_did_you_mean(key))
        # As text, true is no number: Pydantic would take it for 1.
        values[name] = str(value).lower() if isinstance(value, bool) else value
    layer = values, dict.fromkeys(values, str(path))
    return _renamed(layer, spelled=str, where=f" in {path}")


def _refuse_paths_elsewhere(paths: Mapping[str, object]) -> None:
    """Refuse what a file that nobody named sets, where it leads out of the folder it lies in."""
    here = Path.cwd().resolve()
    for name, value in paths.items():
        if not Path(here, str(value)).resolve().is_relative_to(here):
            raise UsageError(
                f"{name} in {DEFAULT_TOML} leads out of this folder: {str(value)!r}",
                hint=f"If you mean it, name the file: --config {DEFAULT_TOML}",
            )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = read_whole(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        return _parse_toml(text, path=path)
    except FileNotFoundError:
        raise MissingInputError(f"there is no settings file {path}") from None
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _no_toml(path, error) from error


def _parse_toml(text: str, *, path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(text)
        str(values)  # raises where a number is too long to be told
    except RecursionError as error:
        raise _no_toml(path, "its brackets are nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(path, error) from error
    except ValueError as error:
        found = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        where = f" (at line {line})" if line else ""
        raise _no_toml(path, f"a number has thousands of digits{where}") from error
    return values


_LONG_NUMBER = re.compile(r"0x[0-9a-fA-F_]{3500,}|0[bo][01-7_]{4700,}|[0-9_]{4300,}")


def _no_toml(path: Path, reason: object) -> UsageError:
    hint = "A line looks like: batch_size = 16"
    return UsageError(f"{path} is not valid TOML: {reason}", hint=hint)


def _preset_layer(name: object) -> tuple[Layer, Preset | None]:
    if name is None:
        return ({}, {}), None
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError(
            f"there is no preset {name!r} (there is: {', '.join(PRESETS)})",
            hint="See what they hold with: lumina train --list-presets",
        )
    preset = PRESETS[name]
    return (dict(preset.values), dict.fromkeys(preset.values, f"preset {name}")), preset


def _known_name(name: str) -> str | None:
    name = ALIASES.get(name, name)
    return name if name == "preset" or name in RENAMED or name in setting_names() else None


def _did_you_mean(name: str) -> str:
    close = difflib.get_close_matches(name, [*setting_names(), *ALIASES, "preset"], n=1)
    return f"Did you mean {close[0]!r}?" if close else "See: lumina train --help"


def _validated(
    kind: type[Config], *, values: Mapping[str, object], sources: Mapping[str, str]
) -> Config:
    own = {name: values[name] for name in kind.model_fields if name in values}
    _refuse_endless(own, sources=sources)
    try:
        config = kind.model_validate(own)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise _usage_error(details, given=own, sources=sources) from None
    _refuse_endless(dict(config), sources=sources)  # what was text before
    return config


def _refuse_endless(values: Mapping[str, object], *, sources: Mapping[str, str]) -> None:
    for name, value in values.items():
        if isinstance(value, int) and abs(value) >= MAX_NUMBER:
            place = sources.get(name, "the defaults")
            raise UsageError(f"{name} must be less than {MAX_NUMBER:,} (from {place})")


def _usage_error(
    errors: Sequence[ErrorDetails], *, given: Mapping[str, object], sources: Mapping[str, str]
) -> UsageError:
    """Say what is wrong in the words of the person who set it, and where that was."""
    details = errors[0]
    name = str(details["loc"][0]) if details["loc"] else ""
    says = explain_error(details)
    words = [each["ctx"]["expected"] for each in errors if _is_of_words(each, name)]
    if words and details["type"].startswith("int_"):  # a number or a word, and it is neither
        says = says.replace("a whole number", f"a whole number or {' or '.join(words)}")
    if not name:  # a rule over several settings: name every one that was set by hand
        places = [f"{key} from {sources[key]}" for key in given if key in sources and key in says]
        return UsageError(says + (f" ({', '.join(places)})" if places else ""))
    return UsageError(f"{name} {says} (from {sources.get(name, 'the defaults')})")


def _is_of_words(details: ErrorDetails, name: str) -> bool:
    return details["type"] == "literal_error" and details["loc"][:1] == (name,)


def explain_error(details: ErrorDetails) -> str:
    """Return a validation error in plain words, to stand after the name of the setting."""
    context = details.get("ctx", {})
    got = _beginning(details["input"])
    match details["type"]:
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "greater_than":
            return f"must be more than {context['gt']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "literal_error":
            return f"must be {context['expected']}, not {got!r}"
        case "value_error":
            return str(context["error"])
        case kind if kind.startswith("int_"):
            return f"must be a whole number, not {got!r}"
        case kind if kind.startswith(("float_", "finite_")):
            return f"must be a number, not {got!r}"
        case kind if kind.startswith("bool_"):
            return f"must be true or false, not {got!r}"
    return f"can't be {got!r}: {details['msg'].lower()}"


def _beginning(value: object) -> str:
    try:
        return str(value)[:40]
    except ValueError:  # it holds a number of more digits than Python shows
        return "a number of thousands of digits"
