"""The settings of the data room."""

import pytest
from pydantic import ValidationError

from lumina_cli.data.config import DataConfig


@pytest.mark.parametrize("name", ["utf-8", "latin-1", "utf-16-le", "shift_jis"])
def test_an_encoding_is_one_that_python_knows(name: str) -> None:
    assert DataConfig(encoding=name).encoding == name


@pytest.mark.parametrize("name", ["klingon", "", "a\0b"])
def test_another_encoding_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no text encoding that Python knows"):
        DataConfig(encoding=name)


@pytest.mark.parametrize("paths", ["best", "all", "top-1", "top-30"])
def test_paths_are_the_best_all_or_the_first_few(paths: str) -> None:
    assert DataConfig(oasst_paths=paths).oasst_paths == paths


@pytest.mark.parametrize("paths", ["top-0", "top", "worst", "top-12345"])
def test_other_paths_are_refused(paths: str) -> None:
    with pytest.raises(ValidationError):
        DataConfig(oasst_paths=paths)
