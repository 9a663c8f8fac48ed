"""A client of the Hugging Face hub that fails within seconds, with the reason.

The library retries for long when there is no network, so a quick probe comes first.
HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and the proxy variables are honoured.
"""

import logging
import os
import re
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lumina_cli.data.hub.download import Asked, cached_file, download, fetch_cards
from lumina_cli.data.hub.formats import BUILDERS, refuse_packed, refuse_unread, unread
from lumina_cli.data.hub.hub_errors import hub_errors, unreachable
from lumina_cli.data.hub.listing import (
    Listed,
    commit_of,
    files_of_parts,
    is_as_listed,
    licence_of,
    listed_files,
)
from lumina_cli.data.hub.records import Record, read_record, save_record
from lumina_cli.data.hub.watching.deadlines import Deadlines
from lumina_cli.data.hub.watching.traffic import Traffic, watched_library
from lumina_cli.data.hub.watching.watch import Transfer, watched
from lumina_cli.errors import LuminaError, UsageError

DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class HubConfig:
    """How the hub is reached.

    `endpoint` is its address, empty for HF_ENDPOINT or the usual one; `offline` keeps to what
    the library has in its cache.
    """

    revision: str = "main"
    endpoint: str = ""
    offline: bool = False
    deadlines: Deadlines = field(default_factory=Deadlines)


@dataclass(frozen=True)
class HubDataset:
    """A data set as the hub gave it: its parts by name, the exact revision, its licence.

    A part is its rows, or the files that hold them.
    """

    parts: dict[str, Any]
    revision: str
    licence: str


def load(repo: str, *, name: str, config: HubConfig) -> Generator[Transfer, None, HubDataset]:
    """Return a data set of the hub, downloaded into the library's own cache; yield how far it is.

    Raises:
        HubError: the hub can't be reached, has no such data set, or does not give it.
        StorageError: the disk is full.
    """
    endpoint = config.endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    check_endpoint(endpoint)
    _refuse_namesake(repo)
    offline = config.offline or _is_true("HF_HUB_OFFLINE") or _is_true("HF_DATASETS_OFFLINE")
    if not offline:
        _probe(endpoint, name=name, wait_s=config.deadlines.probe_s)
    os.environ["HF_ENDPOINT"] = endpoint  # the library reads these when it is first imported
    os.environ["HF_HUB_DISABLE_XET"] = "1"  # its downloads can't be watched
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    traffic = Traffic(config.deadlines)
    with hub_errors(repo, name=name, endpoint=endpoint, offline=offline), silent_libraries():
        work = partial(
            _load, repo, config=config, endpoint=endpoint, offline=offline, traffic=traffic
        )
        return (yield from watched(work, traffic=traffic))


def _load(
    repo: str, *, config: HubConfig, endpoint: str, offline: bool, traffic: Traffic
) -> HubDataset:
    import datasets  # noqa: PLC0415  slow to load, and needed for this alone
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    datasets.disable_progress_bars()
    disable_progress_bars()
    constants.HF_HUB_DISABLE_XET = True  # where the library was imported before
    if offline:
        return _load_offline(repo, revision=config.revision)
    with watched_library(traffic):
        return _load_online(repo, revision=config.revision, endpoint=endpoint, traffic=traffic)


def _load_online(repo: str, *, revision: str, endpoint: str, traffic: Traffic) -> HubDataset:
    """Download the files that the library finds for a data set."""
    import datasets  # noqa: PLC0415  slow to load
    from huggingface_hub import HfApi  # noqa: PLC0415

    info = HfApi(endpoint=endpoint).dataset_info(repo, revision=revision, files_metadata=True)
    commit, licence, listed = commit_of(info), licence_of(info), listed_files(info)
    refuse_unread(repo, listed)
    asked = Asked(repo, commit, endpoint)
    fetch_cards(asked, listed=listed, traffic=traffic)
    builder = datasets.load_dataset_builder(repo, revision=commit)
    parts = files_of_parts(builder.config.data_files or {}, repo=repo)
    names = {name for part in parts.values() for name in part}
    refuse_packed(repo, names)
    if builder.name not in BUILDERS:
        raise unread(repo, min(names, default="none"))
    traffic.is_searching = False
    places = download(asked, names, listed=listed, traffic=traffic)
    record = Record(
        repo=repo, asked_revision=revision, revision=commit, licence=licence, parts=parts,
        listed={name: listed.get(name, Listed()) for name in names},
    )  # fmt: skip
    with suppress(LuminaError, OSError):  # without it, the data set is not found offline
        save_record(record)
    found = {part: [places[name] for name in names] for part, names in parts.items()}
    return HubDataset(found, commit, licence)


def _load_offline(repo: str, *, revision: str) -> HubDataset:
    """Return what was downloaded before, by this program or by the library itself."""
    import datasets  # noqa: PLC0415  slow to load

    record = read_record(repo, revision=revision)
    if record is None:
        return HubDataset(dict(datasets.load_dataset(repo, revision=revision)), revision, "")
    parts: dict[str, list[Path]] = {}
    for part, names in record.parts.items():
        for name in names:
            path = cached_file(repo, name, record.revision)
            if path is None or not is_as_listed(path, record.listed.get(name, Listed())):
                raise FileNotFoundError(f"{name} is not in the cache, or damaged")
            parts.setdefault(part, []).append(path)
    return HubDataset(parts, record.revision, record.licence)


def _refuse_namesake(repo: str) -> None:
    """Refuse a name that a folder here has as well: the library would read that one."""
    if Path(repo).is_dir():
        raise UsageError(
            f"{repo} is a folder here, and a data set of the hub may have that name too",
            hint=f"For the folder: --from {repo}. For the hub: run this in another folder.",
        )


def check_endpoint(endpoint: str) -> None:
    """Raise UsageError for what is no address of a hub: another scheme, a bad port, a space."""
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_address = is_address and (parts.port is None or parts.port > 0)
    except ValueError:  # no number, or one beyond 65,535
        is_address = False
    if not is_address or not endpoint.isascii() or not _PRINTED.fullmatch(endpoint):
        raise UsageError(
            f"the endpoint {endpoint} is no address of a hub", hint=f"As in {DEFAULT_ENDPOINT}"
        )


_PRINTED = re.compile(r"[!-~]+")


def _probe(endpoint: str, *, name: str, wait_s: float) -> None:
    """Ask the hub for its front page: an answer of any kind will do."""
    failures: list[str] = []
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(endpoint, method="HEAD")
            with urllib.request.urlopen(request, timeout=wait_s):
                pass
        except urllib.error.HTTPError:
            pass  # it is there
        except Exception as error:  # whatever answers there, and however
            failures.append(str(getattr(error, "reason", error)))
        answered.set()

    # a name server can be silent for longer than any time limit of a socket
    threading.Thread(target=ask, daemon=True).start()
    if not answered.wait(wait_s):
        failures.append(f"no answer within {wait_s:g} s")
    if failures:
        raise unreachable(endpoint, failures[0], name=name)


@contextmanager
def silent_libraries() -> Iterator[None]:
    """Keep what the libraries log and warn of off stderr: much of it is quoted from the network."""
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_LIBRARIES = ("datasets", "huggingface_hub", "fsspec", "filelock", "httpx", "httpx2", "urllib3")


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE")
