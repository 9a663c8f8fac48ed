"""Files that anybody could make who knows the format: a right seal around whatever they like."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import torch

from lumina_cli.core.checkpoint.container import content_digest
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer("abcé🙂")
CONFIG = ModelConfig(hidden_size=8, num_layers=2, num_heads=2, seq_length=8)


def some_model(*, seed: int = 0) -> Transformer:
    generator = torch.Generator().manual_seed(seed)
    return build_model(CONFIG, vocab_size=TOKENIZER.vocab_size, generator=generator)


def unsealed(data: bytes) -> bytes:
    """Take the seal off: the zip without its comment."""
    end = data.rindex(b"PK\x05\x06")
    return data[: end + 20] + b"\x00\x00"


def sealed(data: bytes) -> bytes:
    """Seal a zip as the format says, whatever it holds: anybody can do that."""
    body = data[:-2] + (14 + 64).to_bytes(2, "little")
    return body + b"lumina-sha256:" + hashlib.sha256(body).hexdigest().encode()


def packed(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def with_tokenizer(**changes: Any) -> dict[str, Any]:
    return {**TOKENIZER.to_json(), **changes}


def forged(**changes: Any) -> bytes:
    """A well sealed file with a right digest, whose content is changed at will."""
    model = some_model()
    header: dict[str, Any] = {
        "format": "lumina-model",
        "version": 3,
        "model": CONFIG.model_dump(mode="json"),
        "tokenizer": TOKENIZER.to_json(),
        "metadata": {},
    }
    weights: Any = changes.pop("weights", dict(model.state_dict()))
    header.update(changes)
    try:
        digest = content_digest(header, weights)
    except Exception:  # what is forged need not have a digest
        digest = "0" * 64
    return sealed(packed({**header, "tensors": weights, "digest": digest}))


def repacked(data: bytes, change: Callable[[zipfile.ZipFile, str, bytes], None]) -> bytes:
    """Write each member of the zip anew, by `change`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(unsealed(data))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            change(new, name, old.read(name))
    return sealed(out.getvalue())


def with_pickle(pickle: bytes, **members: bytes) -> bytes:
    """A well sealed file of a pickle, and numbers of tensors by their keys."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        for key, numbers in members.items():
            archive.writestr(f"archive/data/{key.removeprefix('_')}", numbers)
    return sealed(out.getvalue())
