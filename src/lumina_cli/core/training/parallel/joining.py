"""How a process takes its place among those that train together."""

import torch

from lumina_cli.core.training.parallel.place import Place, find_place
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.parallel.rank import Rank, SingleProcess
from lumina_cli.core.training.parallel.watch import Watch, connect
from lumina_cli.errors import GroupError, UsageError


def join(device: torch.device) -> Rank:
    """Return which rank this process is, as its launcher tells; a process alone if none does.

    Raises:
        UsageError: there is no such device for it.
        GroupError: the others can't be reached.
    """
    place = find_place()
    if place is None:
        return SingleProcess()
    check_device(device, place)
    if device.type == "cuda":
        torch.cuda.set_device(place.local_rank)
    return joined(place, device)


def check_device(device: torch.device, place: Place) -> None:
    """Make sure that ranks can talk from this device, and that each has its own."""
    if device.type == "mps":
        raise UsageError(
            "several processes can't train on mps: torch has no way to add gradients there",
            hint="Use one process, or CPUs: --device cpu",
        )
    if device.type == "cuda" and place.local_world_size > torch.cuda.device_count():
        raise UsageError(
            f"{place.local_world_size} processes need as many GPUs, and there are "
            f"{torch.cuda.device_count()} on this machine",
            hint=f"Start fewer: --nproc {torch.cuda.device_count()}",
        )


_groups: list[Processes] = []
"""That this process belongs to: one at most."""


def find_group() -> Processes | None:
    """Return the group that this process has joined, if it has."""
    return _groups[0] if _groups else None


def joined(place: Place, device: torch.device) -> Processes:
    """Return this process as a rank; the same one, however often a run is set up."""
    if _groups:
        return _groups[0]
    try:
        hosts = place.is_first and not place.has_agent
        store = connect(place, is_host=hosts)
        watch = Watch(place, connect(place))
    except RuntimeError as error:
        raise GroupError(
            f"rank {place.index} can't reach the others at {place.address}:{place.port}",
            hint="Is the first machine up, and may this one connect to it?",
        ) from error
    _groups.append(Processes(place, store, watch=watch, device=device))
    return _groups[0]
