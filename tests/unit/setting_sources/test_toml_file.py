"""Settings files: found, read, and not trusted further than that."""

from pathlib import Path

import pytest

from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.setting_sources.toml_file import PATHS
from lumina_cli.settings import (
    ALL_CONFIGS,
    TRAIN_CONFIGS,
    resolve_settings,
)
from tests.unit.setting_sources.resolving import resolve, wrong


def test_a_file_that_nobody_named_is_told_with_what_it_sets() -> None:
    Path("lumina.toml").write_text("batch_size = 3\ntop_k = 5\n", encoding="utf-8")
    assert resolve().notices == ("lumina.toml in this folder sets: batch_size, top_k",)
    only = resolve_settings((TrainingConfig,), flags={}, environ={})
    assert only.notices == ("lumina.toml in this folder sets: batch_size",)
    assert resolve_settings((ComputeConfig,), flags={}, environ={}).notices == ()
    assert resolve(toml="seed = 1\n").notices == ()
    assert resolve(flags={"batch_size": 3, "top_k": 5}).notices == ()
    Path("lumina.toml").write_text("preset = 'small'\n", encoding="utf-8")
    assert resolve().notices == ("lumina.toml in this folder sets: preset",)
    assert resolve(preset="large").notices == ()


@pytest.mark.parametrize("path", ["../text", "/etc/passwd", "here/../../text", "link", "~/../../x"])
def test_a_file_that_nobody_named_leads_nowhere_else(path: str) -> None:
    Path("link").symlink_to(Path("..").resolve())
    Path("lumina.toml").write_text(f"replay = {path!r}\n", encoding="utf-8")
    error = wrong()
    assert error.message == f"replay in lumina.toml leads out of this folder: {path!r}"
    assert error.hint == "If you mean it, name the file: --config lumina.toml"
    resolve_settings(TRAIN_CONFIGS, flags={}, environ={})  # which uses no such setting
    assert resolve(flags={"replay": "off"}).of(FinetuneConfig).replay == "off"
    named = resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("lumina.toml"))
    assert named.of(FinetuneConfig).replay == path


@pytest.mark.parametrize(
    "line", ["host = '0.0.0.0'", "no_auth = true", "cors_origin = ['https://example.org']"]
)
def test_a_file_that_nobody_named_opens_no_server_to_others(line: str) -> None:
    Path("lumina.toml").write_text(line + "\n", encoding="utf-8")
    error = wrong()
    assert error.message.endswith("in lumina.toml would let others reach this machine")
    assert error.hint == "If you mean it, name the file: --config lumina.toml"
    resolve_settings(TRAIN_CONFIGS, flags={}, environ={})  # which uses no such setting
    resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("lumina.toml"))


@pytest.mark.parametrize("path", ["auto", "off", "data/text.txt", "data"])
def test_a_file_that_nobody_named_may_name_what_lies_beside_it(path: str) -> None:
    Path("lumina.toml").write_text(f"replay = {path!r}\n", encoding="utf-8")
    assert resolve().of(FinetuneConfig).replay == path


def test_every_setting_that_takes_any_text_is_known_to_be_a_path_or_none() -> None:
    """Whoever adds one says here whether it can name a file; nothing else runs or reads one."""
    no_paths = {"encoding", "oasst_lang", "oasst_paths", "save_every", "stop"}
    no_paths |= {"host", "cors_origin", "columns", "bot", "gap", "strip", "class_code"}
    free = {
        name
        for kind in ALL_CONFIGS
        for name, field in kind.model_fields.items()
        if field.annotation is str or "str" in str(field.annotation).replace("<class 'str'>", "str")
        if "Literal" not in str(field.annotation)
    }
    assert free == no_paths | PATHS


def test_a_file_named_lumina_toml_is_read_where_it_lies() -> None:
    Path("lumina.toml").write_text("batch_size = 3\n", encoding="utf-8")
    assert resolve().of(TrainingConfig).batch_size == 3
    assert resolve(toml="seed = 1\n").of(TrainingConfig).batch_size == 16


def test_a_byte_order_mark_is_no_mistake() -> None:
    Path("lumina.toml").write_text("batch_size = 3\n", encoding="utf-8-sig")
    assert resolve().of(TrainingConfig).batch_size == 3


@pytest.mark.parametrize(
    "text", ["batch_size = ", "[[[", "a = " + "[" * 5000, "x = 1\nx = 2"], ids=lambda text: text[:9]
)
def test_a_file_that_is_no_toml_is_refused(text: str) -> None:
    assert "mine.toml is not valid TOML" in wrong(toml=text).message


def test_a_file_of_other_bytes_is_refused() -> None:
    Path("mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not valid TOML"):
        resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("mine.toml"))


@pytest.mark.parametrize("path", [Path("nowhere.toml"), Path()], ids=str)
def test_a_file_that_can_not_be_read_is_told(path: Path) -> None:
    with pytest.raises(MissingInputError):
        resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no file without end")
def test_a_settings_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(MissingInputError, match="it is a device, not a file"):
        resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("/dev/zero"))
