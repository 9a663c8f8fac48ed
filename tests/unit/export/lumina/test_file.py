from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import ExportError, OutputError
from lumina_cli.export.lumina import file as under_test
from lumina_cli.export.lumina.file import export_lumina
from tests.unit.export.tiny_exports import leftovers, tiny_export, tiny_file


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16", "int8"])
def test_a_smaller_file_is_read_and_its_loss_is_told(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "Small.pth"
    file = tiny_file()
    compared = export_lumina(tiny_export(file, dtype=dtype), path)
    assert compared.exported_loss == pytest.approx(compared.loss, rel=0.01)
    assert compared.num_texts == 1000
    assert (compared.logit == 0) == (dtype == "fp32")
    again = load_model(path)
    assert again.tokenizer == file.tokenizer
    assert again.metadata["exported"] == {"dtype": dtype, "digest": "digest"}


def test_an_export_gives_way_and_a_model_does_not(tmp_path: Path) -> None:
    path = tmp_path / "Small.pth"
    export_lumina(tiny_export(tiny_file(), dtype="fp16"), path)
    export_lumina(tiny_export(tiny_file(), dtype="bf16"), path)
    assert load_model(path).metadata["exported"]["dtype"] == "bf16"
    file = tiny_file()
    save_model(path, model=file.model, tokenizer=file.tokenizer, metadata={})
    before = path.read_bytes()
    with pytest.raises(OutputError, match="left alone"):
        export_lumina(tiny_export(tiny_file(), dtype="fp16"), path)
    assert path.read_bytes() == before
    assert leftovers(tmp_path, "Small.pth") == []


def test_what_loses_too_much_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tiny_file(num_layers=1)
    monkeypatch.setattr(under_test, "load_model", lambda _: other)
    with pytest.raises(ExportError, match="in its loss"):
        export_lumina(tiny_export(tiny_file(), dtype="int8"), tmp_path / "Small.pth")
    assert leftovers(tmp_path) == []
