"""What the hub's library raises, as errors that say what to do next."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lumina_cli.data.hub.watching.traffic import RefusedAnswerError
from lumina_cli.errors import HubError, LuminaError, StorageError
from lumina_cli.io.terminal_text import one_line

_ALTERNATIVES = (
    "Fetch from a copy: lumina data fetch {name} --from PATH. "
    "Or begin with what is in the package: lumina train --data starter"
)

_AGAIN = "Run the same command again: files that are whole are not downloaded twice."


@contextmanager
def hub_errors(repo: str, *, name: str, endpoint: str, offline: bool) -> Iterator[None]:
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
    if isinstance(error, RefusedAnswerError):
        return HubError(f"the hub at {endpoint} is given up: {error}", hint=_AGAIN)
    chain = list(causes(error))
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
    if kinds & _BROKEN or "Consistency check failed" in str(error):
        return HubError(f"what the hub sent of {repo} is not whole", hint=_AGAIN)
    if isinstance(error, ConnectionError) or kinds & _NO_CONNECTION:
        return unreachable(endpoint, _reason(error), name=name)
    return HubError(
        f"the hub gave no {repo}: {type(error).__name__}: {_reason(error)}",
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
_NO_CONNECTION = {"ConnectError", "ConnectTimeout", "ReadTimeout", "OfflineModeIsEnabled",
                  "LocalEntryNotFoundError", "ReadError", "RemoteProtocolError"}  # fmt: skip


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def unreachable(endpoint: str, reason: str, *, name: str) -> HubError:
    """Return the error of a hub that is not there."""
    return HubError(
        f"the hub at {endpoint} can't be reached: {reason}", hint=_ALTERNATIVES.format(name=name)
    )


def _reason(error: Exception) -> str:
    """Return the first line of what the libraries say; they quote what the hub sent."""
    return one_line(str(error).partition("\n")[0], max_chars=200)
