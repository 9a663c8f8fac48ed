"""Where tensors live: the GPU if there is one, else the CPU."""

import platform

import torch

from lumina_cli.core.config import DeviceName
from lumina_cli.errors import UsageError


def choose_device(name: DeviceName) -> torch.device:
    """Return the device for a setting. Raises UsageError when it is not there."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise UsageError(
            f"device {name} is not available here (there is: {', '.join(available)})",
            hint="See what was found with: lumina doctor",
        )
    return torch.device(name)


def available_devices() -> list[str]:
    """Return the names of the devices that work here, the fastest first."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, there in has.items() if there] + ["cpu"]


def describe_device(device: torch.device) -> str:
    """Return a device in words: its kind, its name and what it runs on."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"cuda ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)"
    if device.type == "cpu":
        num_threads = torch.get_num_threads()
        return f"cpu ({num_threads} thread{'' if num_threads == 1 else 's'})"
    return device.type


def machine_facts(device: torch.device) -> dict[str, str | int]:
    """Return what the last bit of a result depends on, by name."""
    facts: dict[str, str | int] = {
        "torch": str(torch.__version__),
        "device": device.type,
        "threads": torch.get_num_threads(),
        "cpu": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts
