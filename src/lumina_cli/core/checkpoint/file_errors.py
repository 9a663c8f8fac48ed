"""What is said of a file that is not what it should be."""

from collections.abc import Mapping
from pathlib import Path

from lumina_cli.errors import ModelFileError


def damaged(path: Path, why: str) -> ModelFileError:
    """Return the error for a file that is not what it should be."""
    return ModelFileError(
        f"{path} is damaged: {why}", hint="Use another copy of it, or train the model anew."
    )


def of_another_version(
    path: Path, why: str, *, header: Mapping[str, object], is_newer: bool
) -> ModelFileError:
    """Return the error for a whole file that another version of this program wrote."""
    metadata = header.get("metadata") or header.get("facts")
    known = metadata.get("lumina_version") if isinstance(metadata, dict) else None
    hint = "Use the version that made it, or train the model anew with this one."
    if is_newer:
        hint = "Install a newer version, from where this one came from."
    who = f"version {known} of lumina" if isinstance(known, str) else "another version of lumina"
    return ModelFileError(f"{path} was made by {who}: {why}", hint=hint)
