"""Files as they are written, and their refusal."""

from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.errors import ModelFileError

METADATA = {"steps": 3, "trained_on": ["a.txt", "日本語"], "val_nats_per_char": 1.25, "none": None}


def refused(path: Path, data: bytes) -> str:
    """Write the bytes, have them refused, and return how."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    return caught.value.message
