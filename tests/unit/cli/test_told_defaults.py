"""What the help tells as a default is what is used, in every command."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lumina_cli.cli.app import run
from lumina_cli.cli.lazy import load_command
from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.seeding import make_generator
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.infer import loaded_model
from lumina_cli.settings import TRAIN_CONFIGS, Settings, resolve_settings, setting_names
from lumina_cli.tokenizer.characters import CharacterTokenizer

OF_THE_MODEL = {"seq_length": 40, "dropout": 0.25, "optimizer": "muon"}
"""Of the base model, none of them the default of `train`."""


class SettingsSeen(Exception):
    """Carries the settings out of a command, at the moment they are used."""


def seen(*arguments: Any, **named: Any) -> None:
    raise SettingsSeen(named.get("settings"), named.get("config"), named.get("tokenizer_config"))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("a text\n", encoding="utf-8")
    tokenizer = CharacterTokenizer("abc")
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=16)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=make_generator(0, "x"))
    save_model(Path("Model.pth"), model=model, tokenizer=tokenizer, metadata={})


def used_by_train(_: pytest.MonkeyPatch) -> Mapping[str, object]:
    return resolve_settings(TRAIN_CONFIGS, flags={}, environ={}).values()


def used_by_finetune(_: pytest.MonkeyPatch) -> Mapping[str, object]:
    own = {name: OF_THE_MODEL[name] for name in ("seq_length", "dropout")}
    config = ModelConfig.model_validate({"hidden_size": 512, **own})
    base: Any = SimpleNamespace(
        model=SimpleNamespace(config=config), metadata={"optimizer": OF_THE_MODEL["optimizer"]}
    )
    return finetune_settings(base, flags={}, environ={}).values()


def used_by_chat(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    settings: list[Settings] = []
    original = resolve_settings

    def resolve(*arguments: Any, **named: Any) -> Settings:
        settings.append(original(*arguments, **named))
        return settings[-1]

    monkeypatch.setattr(loaded_model, "resolve_settings", resolve)
    loaded_model.open_model(Path("Model.pth"), flags={}, environ={})
    return settings[-1].values()


def used_by_eval(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    monkeypatch.setattr("lumina_cli.recipes.infer.evaluate.evaluate_model", seen)
    with pytest.raises(SettingsSeen) as caught:
        run(["eval", "--data", "text.txt"])
    settings: Settings = caught.value.args[0]
    return settings.values()


def used_by_check(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    monkeypatch.setattr("lumina_cli.recipes.data.check.check", seen)
    with pytest.raises(SettingsSeen) as caught:
        run(["data", "check", "text.txt"])
    _, data, tokenizer = caught.value.args
    values: dict[str, object] = {**data.model_dump(mode="json"), **dict(tokenizer)}
    return values


USED = {
    "train": used_by_train,
    "finetune": used_by_finetune,
    "chat": used_by_chat,
    "generate": used_by_chat,
    "eval": used_by_eval,
    "data check": used_by_check,
}


def options(name: str) -> dict[str, Any]:
    """Return the options of a command that are settings."""
    first, _, second = name.partition(" ")
    command = load_command(first)
    command = command.commands[second] if second else command
    own = {"seq_length", "batch_size"} if name == "data check" else set()
    return {
        each.name: each
        for each in command.params
        if each.name in setting_names() and each.name not in own
    }


def told_default(option: Any) -> str | None:
    found = re.search(r" Default: (.*)\.$", option.help)
    return found[1] if found else None


def expected(name: str, value: object, *, told: str, used: Mapping[str, object]) -> str:
    """Return what should be told of a value; where it depends on the model, that it does."""
    if told == "the model's":
        assert value == OF_THE_MODEL[name]
        return told
    if told == "twice the learning rate":
        rate = used["learning_rate"]
        assert isinstance(rate, float)
        assert value == 2 * rate
        return told
    qualified = re.match(r"(.*?), (more|unless) ", told)
    return told if qualified and qualified[1] == str(value) else str(value)


@pytest.mark.parametrize("name", USED)
def test_the_default_that_is_told_is_the_one_that_is_used(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    used, settings = USED[name](monkeypatch), options(name)
    assert settings
    for setting, option in settings.items():
        value, told = used[setting], told_default(option)
        if value is None or value is False or value in ([], (), ""):
            assert told is None or setting in ("micro_batch_size", "max_forgetting"), setting
        else:
            assert told is not None, setting
            assert told == expected(setting, value, told=told, used=used), setting


def test_every_command_with_settings_is_looked_at() -> None:
    names = ["train", "finetune", "chat", "generate", "eval", "info", "doctor"]
    names += [f"data {each}" for each in load_command("data").commands]
    assert {name for name in names if options(name)} == set(USED)


def test_a_figure_of_eval_does_not_hang_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used_by_eval(monkeypatch)["precision"] == "fp32"
    monkeypatch.setenv("LUMINA_PRECISION", "bf16")
    assert used_by_eval(monkeypatch)["precision"] == "bf16"


def test_fine_tuning_is_not_said_to_choose_the_size_of_a_model() -> None:
    assert "chooses" in options("train")["minutes"].help
    assert "chooses" not in options("finetune")["minutes"].help
