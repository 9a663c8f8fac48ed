"""The registry of data sets that are known by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A data set that can be fetched.

    `repo` is its name on the hub, empty for what the package itself contains; `num_rows` says
    how many rows each part of it has, where that is known.
    """

    name: str
    repo: str
    licence: str
    description: str
    num_rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Return the folder it is fetched into by default."""
        return Path(f"{self.name.replace('/', '--')}_data")


KNOWN_DATASETS = {
    dataset.name: dataset
    for dataset in (
        KnownDataset(
            "oasst1",
            repo="OpenAssistant/oasst1",
            licence="Apache-2.0",
            description="conversations with assistants, written and ranked by volunteers, "
            "in 35 languages",
            num_rows={"train": 84_437, "validation": 4_401},
        ),
        KnownDataset(
            "starter",
            repo="",
            licence="as this package",
            description="small talk, simple facts, sums and spelling, made for this package",
        ),
    )
}


def find_dataset(name: str) -> KnownDataset | None:
    """Return a known data set, or any of the hub's named OWNER/NAME; None for no such name."""
    known = KNOWN_DATASETS.get(name.lower())
    if known:
        return known
    for each in KNOWN_DATASETS.values():
        if each.repo and name.lower() == each.repo.lower():
            return each
    owner, slash, rest = name.partition("/")
    if not (slash and owner and rest) or "/" in rest or name.startswith("."):
        return None
    return KnownDataset(name, repo=name, licence="", description="a data set of the hub")
