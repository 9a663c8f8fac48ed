"""`lumina doctor`: what this machine offers, and what is missing."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import torch

from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import available_devices, choose_device, describe_device
from lumina_cli.core.precision import choose_precision
from lumina_cli.extras import install_command
from lumina_cli.io.folders.user_folders import cache_place

PACKAGES = ("lumina-cli", "torch", "numpy", "pydantic", "typer", "rich", "datasets")
OPTIONAL_MODULES = {
    "prompt_toolkit": f"line editing in the chat: {install_command('chat')}",
    "onnxruntime": f"faster replies on a CPU: {install_command('fast')}",
    "tokenizers": f"subwords, learnt by train: {install_command('bpe')}",
}


def machine_info() -> dict[str, object]:
    """Return what training and chat would use here, and what is missing."""
    config = ComputeConfig()
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device=device)
    cache = cache_place()
    return {
        "device": describe_device(device),
        "devices": available_devices(),
        "precision": precision.name,
        "precision_why": precision.why,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in PACKAGES},
        "cache": str(cache.folder),
        **({"cache_why": cache.why} if cache.why else {}),
        "missing": [
            f"{module} ({why})" for module, why in OPTIONAL_MODULES.items() if not find_spec(module)
        ],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
