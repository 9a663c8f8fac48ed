"""What a file is that is no model of ours, by how it begins. Nothing in it is run or unpacked."""

import difflib
from pathlib import Path
from typing import IO

from lumina_cli.errors import MissingInputError, ModelFileError
from lumina_cli.io.shell_word import shell_word

HEAD_BYTES = 1 << 20
"""Of a file by torch, its names are in here: they come before the numbers."""
TEXT_SAMPLE_BYTES = 4096

_ZIP, _LEGACY_TORCH, _GGUF = b"PK\x03\x04", b"\x80\x02", b"GGUF"
_OURS = (b"lumina-model", b"lumina-checkpoint")
_NANOGPT = (b"model_args", b"iter_num")
_LIGHTNING = b"pytorch-lightning_version"
_OFFICE = (b"[Content_Types].xml", b"mimetypeapplication/")

OWN_MODEL = "Train one: lumina train --preset demo. Or point to one: --model FILE"
MOST_LISTED = 5
FROM_TEXT = "Train one of your own, from text: lumina train --data FILE"


def no_model(path: Path) -> MissingInputError:
    """Return the error for a path without a model, with the models that are beside it."""
    folder = path if path.is_dir() else path.parent
    others = sorted(other.name for other in folder.glob("*.pth"))
    point = f"--model {shell_word(folder / _most_like(path.name, others))}" if others else ""
    there = f" (there is: {_listed(others)})" if others else ""
    what = f"{path} is a folder" if path.is_dir() else f"there is no model {path}"
    beside = path.with_suffix(".pth")
    if path.is_dir() and beside.is_file():  # its run
        point, there = f"--model {shell_word(beside)}", ""
    elif (path / "config.json").is_file():
        what, there = f"{path} is a folder of another program's model", ""
    if not point:
        return MissingInputError(what, hint=OWN_MODEL)
    hint = f"Point to one: {point}. Or train one in three minutes: lumina train --preset demo"
    return MissingInputError(what + there, hint=hint)


def _most_like(name: str, others: list[str]) -> str:
    return [*difflib.get_close_matches(name, others, n=1, cutoff=0.5), others[0]][0]


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def not_a_model(path: Path, file: IO[bytes]) -> ModelFileError:
    """Return the error for an open file that is no model of ours."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if _is_text(head[:TEXT_SAMPLE_BYTES]):
        return ModelFileError(
            f"{path} is text, not a lumina model",
            hint=f"Train a model on it: lumina train --data {shell_word(path)}",
        )
    if head.startswith(_ZIP) and any(name in head for name in _OURS):
        return ModelFileError(
            f"{path} was not written by this version of lumina: it has no seal",
            hint="If another version made it, use that one; or train one: lumina train",
        )
    what = _kind(head)
    if what:
        return ModelFileError(f"{path} is {what}, not a lumina model", hint=FROM_TEXT)
    return ModelFileError(f"{path} is not a lumina model", hint=OWN_MODEL)


def _kind(head: bytes) -> str:
    """Return what another program wrote, or nothing where that is not known."""
    if head.startswith(_GGUF):
        return "a model of llama.cpp (GGUF)"
    if head[8:9] == b"{" and b'"dtype"' in head[:TEXT_SAMPLE_BYTES]:
        return "a safetensors file of another program"
    if head.startswith(_ZIP) and any(name in head[:TEXT_SAMPLE_BYTES] for name in _OFFICE):
        return "an office document"
    if not head.startswith((_ZIP, _LEGACY_TORCH)):
        return ""
    if all(name in head for name in _NANOGPT):
        return "a checkpoint of nanoGPT"
    if _LIGHTNING in head:
        return "a checkpoint of PyTorch Lightning"
    if head.startswith(_LEGACY_TORCH) or b"data.pkl" in head:
        return "a PyTorch file of another program"
    return "a zip archive"


def _is_text(sample: bytes) -> bool:
    """Whether bytes are UTF-8, but for a character cut at the end, without control characters."""
    if not sample or b"\0" in sample:
        return False
    try:
        text = sample[: len(sample) - 3].decode() if len(sample) > 3 else sample.decode()
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 6:
            return False
        text = sample[: error.start].decode()
    return all(char.isprintable() or char in "\n\r\t\f\ufeff" for char in text)
