"""A small model to ask, made once."""

from pathlib import Path

import pytest

from tests.unit.recipes.tiny import tiny_run


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that nobody may change."""
    folder = tmp_path_factory.mktemp("trained")
    list(tiny_run(folder).run())
    return folder / "Model.pth"
