"""Files of a data set, brought into the library's cache, each as the hub lists it.

What the hub promises of a file (its size and its digest) is compared with what came. A file that
differs is removed from the cache, so that the next fetch does not find it there.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lumina_cli.data.hub.card import CARDS, MAX_CARD_BYTES, check_card, too_long
from lumina_cli.data.hub.listing import Listed, is_as_listed
from lumina_cli.data.hub.watching.traffic import Traffic
from lumina_cli.errors import HubError, StorageError

_SPARE_BYTES = 1 << 24


class Asked(NamedTuple):
    """A data set of a hub at an exact revision."""

    repo: str
    revision: str
    endpoint: str


def download(
    asked: Asked, names: Iterable[str], *, listed: Mapping[str, Listed], traffic: Traffic
) -> dict[str, Path]:
    """Return where each file lies in the library's cache, downloaded where it is missing.

    Raises:
        HubError: a file is not what the hub lists.
        StorageError: the disk has no room for them.
    """
    from huggingface_hub import constants  # noqa: PLC0415  slow to load

    wanted = {name: listed.get(name, Listed()) for name in names}
    missing = {name for name in wanted if not cached_file(asked.repo, name, asked.revision)}
    known = [size for name in missing if (size := wanted[name].size) is not None]
    traffic.total_bytes = sum(known) if len(known) == len(missing) else None
    _check_room(Path(constants.HF_HUB_CACHE), traffic.total_bytes or 0)
    places = {}
    for name, promised in wanted.items():
        traffic.what = f"downloading {name}"
        traffic.max_file_bytes = promised.size
        tries = 1 if name in missing else 2
        places[name] = _whole_file(asked, name, promised=promised, tries=tries)
    return places


def fetch_cards(asked: Asked, *, listed: Mapping[str, Listed], traffic: Traffic) -> None:
    """Bring the cards of a data set into the library's cache, where it will find them.

    Raises:
        HubError: one of them is longer, or means more, than any card does.
    """
    from huggingface_hub import hf_hub_download  # noqa: PLC0415  slow to load
    from huggingface_hub.errors import EntryNotFoundError  # noqa: PLC0415

    repo, revision, endpoint = asked
    for name in CARDS:
        if (listed.get(name, Listed()).size or 0) > MAX_CARD_BYTES:
            raise too_long(repo, name)
        with suppress(EntryNotFoundError):
            path = hf_hub_download(
                repo, name, repo_type="dataset", revision=revision, endpoint=endpoint
            )
            check_card(Path(path), repo=repo)
    traffic.closed_names = CARDS


def cached_file(repo: str, name: str, revision: str) -> Path | None:
    """Return where a file lies in the library's cache, or None."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  slow to load

    found = try_to_load_from_cache(repo, name, repo_type="dataset", revision=revision)
    return Path(found) if isinstance(found, str) else None


def _whole_file(asked: Asked, name: str, *, promised: Listed, tries: int) -> Path:
    """Return a file as it is listed; one that lay there and is damaged is downloaded anew."""
    from huggingface_hub import hf_hub_download  # noqa: PLC0415  slow to load

    repo, revision, endpoint = asked
    for _ in range(tries):
        path = Path(
            hf_hub_download(repo, name, repo_type="dataset", revision=revision, endpoint=endpoint)
        )
        if is_as_listed(path, promised):
            return path
        _remove_from_cache(path)
    raise HubError(
        f"what the hub sent of {name} is not what it lists: its size or digest differs",
        hint="Run the same command again; the files that are whole are kept.",
    )


def _remove_from_cache(path: Path) -> None:
    """Remove a file of the library's cache: the link with its name, and what it leads to there."""
    from huggingface_hub import constants  # noqa: PLC0415  slow to load

    content = path.resolve()
    path.unlink(missing_ok=True)
    if content.is_relative_to(Path(constants.HF_HUB_CACHE).resolve()):
        content.unlink(missing_ok=True)


def _check_room(folder: Path, num_bytes: int) -> None:
    """Raise StorageError where the disk has no room for what is to come."""
    folder = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(os.fspath(folder)).free
    if num_bytes + _SPARE_BYTES > free:
        raise StorageError(
            f"the download takes {num_bytes:,} bytes, and {free:,} are free in {folder}",
            hint="Free some space, or set HF_HOME to a folder on a disk that has it.",
        )
