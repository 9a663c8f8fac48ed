"""Files as they are written, and their refusal."""

from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import ModelFileError
from tests.unit.core.checkpoint.forging import (
    TOKENIZER,
    some_model,
)

METADATA = {"steps": 3, "trained_on": ["a.txt", "日本語"], "val_nats_per_char": 1.25, "none": None}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good model file."""
    path = tmp_path_factory.mktemp("model") / "Model.pth"
    save_model(path, model=some_model(), tokenizer=TOKENIZER, metadata=METADATA)
    return path.read_bytes()


def refused(path: Path, data: bytes) -> str:
    """Write the bytes, have them refused, and return how."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    return caught.value.message
