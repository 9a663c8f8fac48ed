"""What there is to know of a model file and of this machine."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import available_devices, choose_device, describe_device
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.precision import choose_precision
from lumina_cli.io.cache_folder import cache_folder

PACKAGES = ("lumina-cli", "torch", "numpy", "pydantic", "typer", "rich", "datasets")
OPTIONAL_MODULES = {"prompt_toolkit": 'line editing in the chat: pip install "lumina-cli[chat]"'}


def describe_model(path: Path) -> dict[str, object]:
    """Return the facts of a model file as plain values."""
    loaded = load_model(path)
    vocab_size = loaded.tokenizer.vocab_size
    return {
        "model": str(path),
        "parameters": num_parameters(loaded.model.config, vocab_size=vocab_size),
        "shape": loaded.model.config.model_dump(mode="json"),
        "vocabulary": {"ids": vocab_size, "characters": len(loaded.tokenizer.character_ids)},
        "draft_bytes": 0 if loaded.draft is None else loaded.draft.nbytes,
        "training": loaded.metadata,
        "digest": loaded.digest,
    }


def describe_machine() -> dict[str, object]:
    """Return what training and chat would use here, and what is missing."""
    config = ComputeConfig()
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device=device)
    return {
        "device": describe_device(device),
        "devices": available_devices(),
        "precision": precision.name,
        "precision_why": precision.why,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in PACKAGES},
        "cache": str(cache_folder()),
        "missing": [
            f"{module} ({why})" for module, why in OPTIONAL_MODULES.items() if not find_spec(module)
        ],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
