"""A client of the Hugging Face hub that fails within seconds, with the reason.

The library retries for long when there is no network, so a quick probe comes first.
HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and the proxy variables are honoured.
"""

import errno
import logging
import os
import re
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lumina_cli.errors import HubError, LuminaError, StorageError, UsageError

DEFAULT_ENDPOINT = "https://huggingface.co"
PROBE_S = 4.0
_ALTERNATIVES = (
    "Fetch from a copy: lumina data fetch {name} --from PATH. "
    "Or begin with what is in the package: lumina train --data starter"
)


@dataclass(frozen=True, slots=True)
class HubConfig:
    """How the hub is reached.

    `endpoint` is its address, empty for HF_ENDPOINT or the usual one; `offline` keeps to what
    the library has in its cache.
    """

    revision: str = "main"
    endpoint: str = ""
    offline: bool = False


@dataclass(frozen=True)
class HubDataset:
    """A data set as the hub gave it: its parts by name, the exact revision, its licence."""

    parts: dict[str, Any]
    revision: str
    licence: str


def load(repo: str, *, name: str, config: HubConfig) -> HubDataset:
    """Return a data set of the hub, downloaded into the library's own cache.

    Raises:
        HubError: the hub can't be reached, has no such data set, or does not give it.
        StorageError: the disk is full.
    """
    endpoint = config.endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    _check_endpoint(endpoint)
    offline = config.offline or _is_true("HF_HUB_OFFLINE") or _is_true("HF_DATASETS_OFFLINE")
    if not offline:
        _probe(endpoint, name=name)
    os.environ["HF_ENDPOINT"] = endpoint  # the library reads these when it is first imported
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    with _hub_errors(repo, name=name, endpoint=endpoint, offline=offline), _silent_libraries():
        return _load(repo, config=config, endpoint=endpoint, offline=offline)


def _load(repo: str, *, config: HubConfig, endpoint: str, offline: bool) -> HubDataset:
    import datasets  # noqa: PLC0415  slow to load, and needed for this alone
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    datasets.disable_progress_bars()
    disable_progress_bars()
    revision, licence = config.revision, ""
    if not offline:
        info = HfApi(endpoint=endpoint).dataset_info(repo, revision=revision, timeout=30)
        revision = info.sha or revision
        licence = str(info.card_data.get("license") or "") if info.card_data else ""
    return HubDataset(dict(datasets.load_dataset(repo, revision=revision)), revision, licence)


def _check_endpoint(endpoint: str) -> None:
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


def _probe(endpoint: str, *, name: str) -> None:
    """Ask the hub for its front page: an answer of any kind will do."""
    failures: list[str] = []
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(endpoint, method="HEAD")
            with urllib.request.urlopen(request, timeout=PROBE_S):
                pass
        except urllib.error.HTTPError:
            pass  # it is there
        except Exception as error:  # whatever answers there, and however
            failures.append(str(getattr(error, "reason", error)))
        answered.set()

    # a name server can be silent for longer than any time limit of a socket
    threading.Thread(target=ask, daemon=True).start()
    if not answered.wait(PROBE_S):
        failures.append(f"no answer within {PROBE_S:.0f} s")
    if failures:
        raise _unreachable(endpoint, failures[0], name=name)


@contextmanager
def _silent_libraries() -> Iterator[None]:
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


@contextmanager
def _hub_errors(repo: str, *, name: str, endpoint: str, offline: bool) -> Iterator[None]:
    """Turn what the libraries raise into a LuminaError."""
    try:
        yield
    except (LuminaError, MemoryError):
        raise
    except Exception as error:  # an answer that makes no sense fails anywhere in the libraries
        raise _explained(error, repo, name=name, endpoint=endpoint, offline=offline) from error


def _explained(
    error: Exception, repo: str, *, name: str, endpoint: str, offline: bool
) -> LuminaError:
    chain = list(_causes(error))
    kinds = {type(each).__name__ for each in chain}
    if any(isinstance(each, OSError) and each.errno == errno.ENOSPC for each in chain):
        return StorageError(
            "the disk is full", hint="Free some space, or set HF_HOME to a disk that has it."
        )
    if kinds & {"GatedRepoError"} or "is a gated dataset" in str(error):
        return HubError(
            f"{repo} is given only to those who accept its terms",
            hint=f"Accept them at {endpoint}/datasets/{repo}, then set HF_TOKEN and try again.",
        )
    if offline:
        return HubError(
            f"{repo} is not in the cache of the hub's library, and we are offline",
            hint=_ALTERNATIVES.format(name=name),
        )
    if kinds & {"RevisionNotFoundError"}:
        return HubError(
            f"{repo} has no such revision", hint=f"See {endpoint}/datasets/{repo}/commits/main"
        )
    if kinds & {"RepositoryNotFoundError", "DatasetNotFoundError", "HFValidationError"}:
        return HubError(
            f"the hub has no data set {repo} that we may see",
            hint="Check its name (OWNER/NAME); for a private one, set HF_TOKEN.",
        )
    if kinds & _BROKEN:
        return HubError(
            f"what the hub sent of {repo} is not whole",
            hint="Run the same command again; only what is missing is downloaded.",
        )
    if isinstance(error, ConnectionError) or kinds & _NO_CONNECTION:
        return _unreachable(endpoint, str(error).partition("\n")[0], name=name)
    return HubError(
        f"the hub gave no {repo}: {type(error).__name__}: {str(error).partition(chr(10))[0][:200]}",
        hint=_ALTERNATIVES.format(name=name),
    )


_BROKEN = {
    "ChecksumVerificationError",
    "NonMatchingChecksumError",
    "NonMatchingSplitsSizesError",
    "FileMetadataError",
    "DatasetGenerationError",
    "IncompleteSnapshotError",
    "ArrowInvalid",
}
_NO_CONNECTION = {"ConnectError", "ConnectTimeout", "ReadTimeout", "OfflineModeIsEnabled"}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unreachable(endpoint: str, reason: str, *, name: str) -> HubError:
    return HubError(
        f"the hub at {endpoint} can't be reached: {reason}", hint=_ALTERNATIVES.format(name=name)
    )


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE")
