"""What a shell completes after an option: presets, models, runs, names of choices.

Where nothing is found, shells complete names of files.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from lumina_cli.setting_sources.presets import PRESETS

MAX_FOLDERS = 200
"""Looked into for models and runs; the shell waits for this."""

Completion = tuple[str, str]
"""A value, and a few words on it that some shells show."""


def choices(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return a completion that offers these names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def presets(incomplete: str) -> list[Completion]:
    """Offer the presets with what they are for."""
    return [
        (name, preset.description)
        for name, preset in PRESETS.items()
        if name.startswith(incomplete)
    ]


def models(incomplete: str) -> list[str]:
    """Offer model files in the folder that was typed and one level below."""
    return sorted(
        str(path)
        for folder in _folders(incomplete)
        for path in _entries(folder)
        if path.suffix == ".pth" and str(path).startswith(incomplete) and path.is_file()
    )


def runs(incomplete: str) -> list[str]:
    """Offer run folders, and the checkpoints in one that was typed."""
    checkpoints = _entries(Path(incomplete.rpartition("/")[0], "checkpoints"))
    found = [path for path in checkpoints if path.suffix == ".pth"]
    for folder in _folders(incomplete):
        found += [path for path in _entries(folder) if path.suffix == ".run"]
    return sorted({str(path) for path in found if str(path).startswith(incomplete)})


def _folders(incomplete: str) -> Iterator[Path]:
    """Yield the folder of what was typed, and those in it that a person would look into."""
    here = Path(incomplete.rpartition("/")[0] or ("/" if incomplete.startswith("/") else "."))
    yield here
    inner = [path for path in _entries(here) if not path.name.startswith(".") and path.is_dir()]
    yield from inner[:MAX_FOLDERS]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
