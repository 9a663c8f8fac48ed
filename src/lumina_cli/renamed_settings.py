"""Settings that have a new name; files and scripts with the old one go on working."""

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "positions": "position_encoding",
    "freeze": "freeze_layers",
    "expand": "expand_vocab",
    "replay_share": "replay_ratio",
    "paths": "oasst_paths",
    "lang": "oasst_lang",
    "evaluations": "num_evals",
    "mend_mojibake": "fix_mojibake",
}
"""The new name by the old one: for flags, variables, settings files, checkpoints and models."""

_FIRST_NAMES = {new: old for old, new in RENAMED.items()}


def with_new_names(values: Any) -> Any:
    """Return settings with new names in place of old ones; what is no mapping is returned as it is.

    Raises:
        ValueError: a setting is there by both its names.
    """
    if not isinstance(values, Mapping):
        return values
    for old, new in RENAMED.items():
        if old in values and new in values:
            raise ValueError(f"{old} and {new} are one setting; leave out {old}")
    return {RENAMED.get(name, name): value for name, value in values.items()}


def with_first_names(values: Mapping[str, object]) -> dict[str, object]:
    """Return settings by the names they had at first, for hashes that must stay what they were."""
    return {_FIRST_NAMES.get(name, name): value for name, value in values.items()}
