"""What a file is that is no model of ours, by how it begins. Nothing in it is run or unpacked."""

from pathlib import Path
from typing import IO

from lumina_cli.errors import ModelFileError
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
FROM_TEXT = "Train one of your own, from text: lumina train --data FILE"


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
