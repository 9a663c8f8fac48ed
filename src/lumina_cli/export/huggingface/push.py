"""A folder for transformers, published on the Hugging Face hub."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.data.hub.client import DEFAULT_ENDPOINT, check_endpoint, silent_libraries
from lumina_cli.data.hub.hub_errors import causes
from lumina_cli.errors import HubError, LuminaError, UsageError
from lumina_cli.export.place import MANIFEST

TOKEN_PAGE = "https://huggingface.co/settings/tokens"

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_NO_RIGHT = {401, 403}
_MAX_REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class Publication:
    """What is about to be published, and where.

    Args:
        folder: that is sent.
        repo: OWNER/NAME.
        endpoint: the hub's address.
        files: their names and sizes in bytes.
    """

    folder: Path
    repo: str
    endpoint: str
    files: tuple[tuple[str, int], ...]

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.repo}"


def check_repo(repo: str) -> None:
    """Raise UsageError for what is no name of a repository."""
    if not _REPO.fullmatch(repo):
        raise UsageError(f"{repo} is no name of a repository", hint="As in: --push OWNER/NAME")


def plan_publication(folder: Path, repo: str) -> Publication:
    """Return what would be published of a folder.

    Raises:
        UsageError: the repository or the address of the hub can't be meant.
    """
    check_repo(repo)
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    check_endpoint(endpoint)
    files = tuple(
        (path.name, path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != MANIFEST
    )
    return Publication(folder, repo, endpoint.rstrip("/"), files)


def publish(publication: Publication) -> str:
    """Send the files in one commit, and return the address of the repository.

    A new repository is private; one that is there stays as it is.

    Raises:
        HubError: the hub can't be reached, or refuses.
    """
    with _hub_errors(publication), silent_libraries():
        from huggingface_hub import HfApi  # noqa: PLC0415  slow to load, and needed for this alone
        from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

        disable_progress_bars()
        api = HfApi(endpoint=publication.endpoint)
        api.create_repo(publication.repo, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=publication.repo,
            folder_path=publication.folder,
            allow_patterns=[name for name, _ in publication.files],
            commit_message="Upload model",
        )
    return publication.url


@contextmanager
def _hub_errors(publication: Publication) -> Iterator[None]:
    """Turn what the library raises into a LuminaError."""
    try:
        yield
    except (LuminaError, MemoryError):
        raise
    except Exception as error:  # an answer that makes no sense fails anywhere in the library
        raise _explained(error, publication) from error


def _explained(error: Exception, publication: Publication) -> HubError:
    chain = list(causes(error))
    codes = {getattr(getattr(each, "response", None), "status_code", None) for each in chain}
    if codes & _NO_RIGHT or any(type(each).__name__ == "LocalTokenNotFoundError" for each in chain):
        return HubError(
            f"the hub does not let you write to {publication.repo}",
            hint=f"Make a token that may write ({TOKEN_PAGE}), and set it: HF_TOKEN",
        )
    reason = str(error).partition("\n")[0][:_MAX_REASON_CHARS]
    return HubError(
        f"{publication.repo} was not published at {publication.endpoint}: "
        f"{type(error).__name__}: {reason}",
        hint=f"What was exported is in {publication.folder}; run the command again.",
    )
