"""Where settings come from, and what is said when they are wrong."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.io.run_folder import to_toml
from lumina_cli.server.config import ServeConfig
from lumina_cli.setting_sources.layers import ALIASES
from lumina_cli.setting_sources.presets import PRESETS
from lumina_cli.setting_sources.toml_file import PATHS
from lumina_cli.settings import (
    ALL_CONFIGS,
    FINETUNE_CONFIGS,
    TRAIN_CONFIGS,
    Settings,
    resolve_settings,
    setting_names,
)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def resolve(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: str | None = None,
    **given: Any,
) -> Settings:
    """Resolve, `toml` being what stands in a settings file of another name."""
    path = None
    if toml is not None:
        path = Path("mine.toml")
        path.write_text(toml, encoding="utf-8")
    return resolve_settings(
        ALL_CONFIGS, flags=flags or {}, environ=environ or {}, toml=path, **given
    )


def wrong(**given: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolve(**given)
    return caught.value


def test_the_defaults_are_those_that_were_promised() -> None:
    values = resolve().values()
    promised = {
        "hidden_size": 512,
        "num_layers": 6,
        "num_heads": 8,
        "seq_length": 512,
        "dropout": 0.1,
        "batch_size": 16,
        "epochs": 100,
        "max_steps": None,
        "minutes": None,
        "optimizer": "adamw",
        "learning_rate": 3e-4,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "beta1": 0.9,
        "beta2": 0.95,
        "grad_clip": 1.0,
        "val_fraction": 0.1,
        "device": "auto",
        "precision": "auto",
    }
    assert {name: values[name] for name in promised} == promised


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("small", {"hidden_size": 256, "num_layers": 4, "seq_length": 256, "batch_size": 8}),
        ("base", {}),
        ("large", {"hidden_size": 1024, "num_layers": 12, "batch_size": 32}),
    ],
)
def test_the_presets_are_those_that_were_promised(name: str, promised: dict[str, object]) -> None:
    values, defaults = resolve(preset=name).values(), resolve().values()
    assert {key: value for key, value in values.items() if value != defaults[key]} == promised


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_valid_and_keeps_a_valid_sampler(name: str) -> None:
    resolve(preset=name)
    sampling = PRESETS[name].sampling
    assert SamplingConfig.model_validate(sampling or {})
    assert PRESETS[name].description


SOURCES = {
    "flags": {"batch_size": "5"},
    "environ": {"LUMINA_BATCH_SIZE": "4"},
    "toml": "batch_size = 3\n",
    "preset": "small",
    "base": {"batch_size": 2},
}
STRENGTH = ["flags", "environ", "toml", "preset", "base"]
EXPECTED = {"flags": 5, "environ": 4, "toml": 3, "preset": 8, "base": 2}


@pytest.mark.parametrize("strongest", range(5))
def test_a_value_comes_from_the_strongest_source_that_has_it(strongest: int) -> None:
    given = {name: SOURCES[name] for name in STRENGTH[strongest:]}
    settings = resolve(**given)
    assert settings.of(TrainingConfig).batch_size == EXPECTED[STRENGTH[strongest]]


def test_each_value_knows_where_it_comes_from() -> None:
    settings = resolve(
        flags={"seed": "1", "dropout": None},
        environ={"LUMINA_EPOCHS": "2"},
        toml="oasst_lang = 'de'\n",
        preset="small",
    )
    assert settings.sources == {
        "seed": "--seed",
        "epochs": "LUMINA_EPOCHS",
        "oasst_lang": "mine.toml",
        **dict.fromkeys(["hidden_size", "num_layers", "seq_length", "batch_size"], "preset small"),
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"environ": {"LUMINA_BATCH_SIZE": "0"}},
            "batch_size must be at least 1 (from LUMINA_BATCH_SIZE)",
        ),
        ({"flags": {"batch_size": "0"}}, "batch_size must be at least 1 (from --batch-size)"),
        ({"toml": "batch_size = 0"}, "batch_size must be at least 1 (from mine.toml)"),
        ({"flags": {"dropout": "1"}}, "dropout must be less than 1.0 (from --dropout)"),
        ({"flags": {"grad_clip": "0"}}, "grad_clip must be more than 0.0 (from --grad-clip)"),
        (
            {"flags": {"val_fraction": "0.9"}},
            "val_fraction must be at most 0.5 (from --val-fraction)",
        ),
        (
            {"flags": {"epochs": "many"}},
            "epochs must be a whole number, not 'many' (from --epochs)",
        ),
        ({"flags": {"epochs": "1.5"}}, "epochs must be a whole number, not '1.5' (from --epochs)"),
        ({"toml": "epochs = 1.5"}, "epochs must be a whole number, not '1.5' (from mine.toml)"),
        ({"toml": "epochs = true"}, "epochs must be a whole number, not 'true' (from mine.toml)"),
        ({"flags": {"epochs": ""}}, "epochs must be a whole number, not '' (from --epochs)"),
        (
            {"flags": {"micro_batch_size": "foo"}},
            "micro_batch_size must be a whole number or 'auto', not 'foo' "
            "(from --micro-batch-size)",
        ),
        ({"flags": {"seed": "-1"}}, "seed must be at least 0 (from --seed)"),
        (
            {"flags": {"learning_rate": "nan"}},
            "learning_rate must be a number, not 'nan' (from --learning-rate)",
        ),
        (
            {"flags": {"learning_rate": "high"}},
            "learning_rate must be a number, not 'high' (from --learning-rate)",
        ),
        (
            {"toml": "learning_rate = true"},
            "learning_rate must be a number, not 'true' (from mine.toml)",
        ),
        (
            {"flags": {"device": "gpu"}},
            "device must be 'auto', 'cpu', 'cuda' or 'mps', not 'gpu' (from --device)",
        ),
        (
            {"flags": {"hidden_size": "100", "num_heads": "7"}},
            "hidden_size 100 can't be divided by num_heads 7 "
            "(hidden_size from --hidden-size, num_heads from --num-heads)",
        ),
        (
            {"environ": {"LUMINA_NHEAD": "7"}},
            "hidden_size 512 can't be divided by num_heads 7 (num_heads from LUMINA_NHEAD)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_with_where_it_came_from(given: dict[str, Any], says: str) -> None:
    assert wrong(**given).message == says


def test_an_unknown_key_of_a_file_is_refused_with_a_guess() -> None:
    error = wrong(toml="batchsize = 4\n")
    assert error.message == "'batchsize' in mine.toml is not a setting"
    assert error.hint == "Did you mean 'batch_size'?"


def test_an_unknown_key_that_is_like_nothing_is_refused_with_where_to_look() -> None:
    assert "--help" in wrong(toml="zzz = 4\n").hint


def test_an_unknown_variable_is_noticed_and_has_no_effect() -> None:
    settings = resolve(environ={"LUMINA_BATCHSIZE": "4", "OTHER": "1"})
    assert settings.notices == ("LUMINA_BATCHSIZE is not a setting and has no effect",)
    assert settings.values() == resolve().values()


def test_the_variable_of_the_cache_is_no_setting_and_no_mistake() -> None:
    assert resolve(environ={"LUMINA_CACHE_DIR": "/somewhere"}).notices == ()


@pytest.mark.parametrize(
    "given",
    [{"environ": {"LUMINA_NHEAD": "4"}}, {"toml": "nhead = 4"}, {"flags": {"num_heads": "4"}}],
    ids=str,
)
def test_nhead_is_another_name_of_num_heads(given: dict[str, Any]) -> None:
    assert resolve(**given).of(ModelConfig).num_heads == 4
    assert ALIASES == {"nhead": "num_heads"}


def limits(**given: Any) -> tuple[int | None, int | None, float | None]:
    config = resolve(**given).of(TrainingConfig)
    return config.epochs, config.max_steps, config.minutes


def test_an_end_that_is_asked_for_replaces_those_of_weaker_sources() -> None:
    assert limits() == (100, None, None)
    assert limits(preset="demo")[0] is None
    assert limits(preset="demo", flags={"minutes": "2"}) == (None, None, 2.0)
    assert limits(toml="epochs = 3") == (3, None, None)
    assert limits(toml="epochs = 3", environ={"LUMINA_MAX_STEPS": "7"}) == (None, 7, None)


def test_a_setting_that_was_dropped_has_no_source() -> None:
    settings = resolve(toml="epochs = 3\nmax_steps = 4", flags={"minutes": "2"})
    assert settings.sources == {"minutes": "--minutes"}
    settings = resolve(environ={"LUMINA_HIDDEN_SIZE": "64"}, fixed=("hidden_size",))
    assert "hidden_size" not in settings.sources
    assert settings.notices == (
        "hidden_size has no effect on a model that is trained already (from LUMINA_HIDDEN_SIZE)",
    )


def test_ends_that_are_asked_for_together_hold_together() -> None:
    assert limits(flags={"epochs": "3", "minutes": "2"}) == (3, None, 2.0)


def test_a_preset_may_be_named_in_the_environment_or_the_file() -> None:
    assert resolve(environ={"LUMINA_PRESET": "small"}).of(ModelConfig).hidden_size == 256
    assert resolve(toml="preset = 'small'").of(ModelConfig).hidden_size == 256
    assert resolve(toml="preset = 'small'", preset="large").of(ModelConfig).hidden_size == 1024
    assert resolve(preset="small").preset is PRESETS["small"]


@pytest.mark.parametrize("name", ["hug", "Small"])
def test_an_unknown_preset_is_refused_with_those_there_are(name: str) -> None:
    error = wrong(environ={"LUMINA_PRESET": name})
    assert f"no preset {name!r} (there is: demo, small, base, large)" in error.message


def test_a_preset_that_is_no_text_is_refused() -> None:
    assert "no preset 3" in wrong(toml="preset = 3").message


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
    no_paths |= {"host", "cors_origin"}
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


def test_settings_of_other_rooms_are_passed_over() -> None:
    settings = resolve_settings(
        (ComputeConfig,), flags={}, environ={"LUMINA_BATCH_SIZE": "0"}, preset="small"
    )
    assert list(settings.configs) == [ComputeConfig]


def test_no_setting_has_two_homes_but_the_seed() -> None:
    names = setting_names()
    assert {name for name in names if names.count(name) > 1} == {"seed"}
    assert "preset" not in names


def test_a_variable_that_is_empty_names_no_preset() -> None:
    assert resolve(environ={"LUMINA_PRESET": ""}).preset is None


@pytest.mark.parametrize("config", ALL_CONFIGS)
def test_each_setting_is_described_and_no_other_is_taken(config: type[Any]) -> None:
    assert all(field.description for field in config.model_fields.values())
    assert config.model_config["extra"] == "forbid"
    assert config.model_config["frozen"]


def test_settings_written_as_toml_are_read_back() -> None:
    chosen = resolve(preset="demo", flags={"seed": str(2**63 - 1), "learning_rate": "1e-05"})
    back = resolve(toml=to_toml(chosen.values()))
    assert back.values() == chosen.values()


TOML_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "[0x" + "f" * 5_000 + "]"])
@pytest.mark.parametrize("name", ["batch_size", "learning_rate", "oasst_lang", "preset", "stop"])
def test_a_number_of_thousands_of_digits_is_no_setting(name: str, number: str) -> None:
    assert "mine.toml is not valid TOML" in wrong(toml=f"{name} = {number}").message


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no file without end")
def test_a_settings_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(MissingInputError, match="it is a device, not a file"):
        resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("/dev/zero"))


@given(values=st.dictionaries(st.sampled_from(["a", "b_c", "d1"]), TOML_VALUES))
def test_any_value_written_as_toml_is_read_back(values: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(values)) == values


def test_what_is_unset_is_left_out_of_the_file() -> None:
    assert to_toml({"max_steps": None, "seed": 1}) == "seed = 1\n"


def test_the_training_commands_configs_are_all_but_those_of_other_commands() -> None:
    of_others = {SamplingConfig, EngineConfig, FinetuneConfig, ServeConfig}
    assert set(ALL_CONFIGS) - set(TRAIN_CONFIGS) == of_others
    assert set(ALL_CONFIGS) - set(FINETUNE_CONFIGS) == of_others - {FinetuneConfig}
    assert DataConfig in TRAIN_CONFIGS
