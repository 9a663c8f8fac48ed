"""A good model file, to be damaged."""

import pytest

from lumina_cli.core.checkpoint.model_file import save_model
from tests.unit.core.checkpoint.forging import TOKENIZER, some_model
from tests.unit.core.checkpoint.whole_files import METADATA


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good model file."""
    path = tmp_path_factory.mktemp("model") / "Model.pth"
    save_model(path, model=some_model(), tokenizer=TOKENIZER, metadata=METADATA)
    return path.read_bytes()
