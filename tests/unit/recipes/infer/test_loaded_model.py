"""A model made ready to talk: whose settings hold, what its card says, how soon it starts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.errors import MissingInputError, ModelFileError, UsageError
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.infer.text_generator import TextGenerator
from lumina_cli.tokenizer.characters import CharacterTokenizer


def write_model(path: Path, **metadata: object) -> Path:
    tokenizer = CharacterTokenizer("abc")
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=1, seq_length=16)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    save_model(path, model=model, tokenizer=tokenizer, metadata=metadata)  # type: ignore[arg-type]
    return path


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return write_model(
        tmp_path / "Model.pth",
        sampling={"sampler": "top-k", "top_k": 3, "of_a_later_version": 1},
        trained_on=["a.txt", "b.jsonl"],
        val_nats_per_char=0.6931471805599453,
        created="2026-01-02T03:04:05+00:00",
    )


def test_the_models_own_sampler_settings_are_the_defaults(model_path: Path) -> None:
    config = open_model(model_path, flags={}, environ={}).config
    assert (config.sampler, config.top_k, config.temperature) == ("top-k", 3, 0.8)


def test_flag_over_variable_over_file_over_model(model_path: Path, tmp_path: Path) -> None:
    toml = tmp_path / "x.toml"
    toml.write_text('top_k = 4\ntemperature = 1.4\nsampler = "greedy"\n', encoding="utf-8")
    ready = open_model(
        model_path,
        flags={"sampler": "top-k", "top_k": None},
        environ={"LUMINA_TOP_K": "5"},
        toml=toml,
    )
    config = ready.config
    assert (config.sampler, config.top_k, config.temperature) == ("top-k", 5, 1.4)


def test_there_are_no_draft_tokens_where_they_are_off_or_could_change_the_text(
    model_path: Path,
) -> None:
    def speculates(**flags: object) -> bool:
        loaded = open_model(model_path, flags=flags, environ={})
        return loaded.text_model().acceptance is not None

    assert speculates()
    assert not speculates(speculate="off")
    assert not speculates(precision="bf16")
    assert not speculates(precision="int8")


def test_the_card_tells_what_the_file_knows(model_path: Path) -> None:
    card = open_model(model_path, flags={}, environ={}).card
    assert card.trained_on == "a.txt, b.jsonl"
    assert card.bits_per_char == pytest.approx(1.0)
    assert card.created == "2026-01-02"
    # One layer of 12·16² + 13·16, two embeddings of 265 ids, the last norm.
    assert card.num_parameters == 12 * 256 + 13 * 16 + 2 * 265 * 16 + 32


def test_a_file_that_knows_nothing_has_a_card_too(tmp_path: Path) -> None:
    path = write_model(tmp_path / "Model.pth", created=None)
    ready = open_model(path, flags={}, environ={})
    assert (ready.card.trained_on, ready.card.bits_per_char, ready.card.created) == (None,) * 3
    assert ready.config.sampler == "nucleus"


@pytest.mark.parametrize("metadata", [{"sampling": 7}, {"trained_on": "x"}], ids=str)
def test_a_file_that_tells_nonsense_is_refused(tmp_path: Path, metadata: dict[str, Any]) -> None:
    path = write_model(tmp_path / "Model.pth", **metadata)
    with pytest.raises(ModelFileError, match="what it tells of"):
        open_model(path, flags={}, environ={})


def test_a_wrong_setting_in_a_model_file_names_the_file(tmp_path: Path) -> None:
    path = write_model(tmp_path / "Model.pth", sampling={"temperature": 9})
    with pytest.raises(UsageError, match="from the model file"):
        open_model(path, flags={}, environ={})


def test_a_setting_that_the_sampler_does_not_use_is_told(model_path: Path) -> None:
    asked = {"min_p": "0.2", "top_k": "4"}
    ready = open_model(model_path, flags=asked, environ={"LUMINA_NUM_BEAMS": "2"})
    assert ready.notices == (
        "min_p has no effect with the top-k sampler (from --min-p); use: --sampler min-p",
        "num_beams has no effect with the top-k sampler (from LUMINA_NUM_BEAMS); "
        "use: --sampler beam",
    )


def test_temperature_and_penalty_are_told_where_nothing_uses_them(model_path: Path) -> None:
    asked = {"temperature": "1.5", "repetition_penalty": "1.3"}
    greedy, beam = (
        open_model(model_path, flags={**asked, "sampler": sampler}, environ={}).notices
        for sampler in ("greedy", "beam")
    )
    told = (
        "temperature has no effect with the {} sampler (from --temperature); use: --sampler nucleus"
    )
    assert greedy == (told.format("greedy"),)
    assert beam[0] == told.format("beam")
    assert beam[1].startswith("repetition_penalty has no effect with the beam sampler")


def test_a_missing_model_names_those_that_are_near(model_path: Path) -> None:
    with pytest.raises(MissingInputError) as caught:
        open_model(model_path.with_name("Other.pth"), flags={}, environ={})
    assert "(there is: Model.pth)" in caught.value.message
    assert str(model_path) in caught.value.hint
    with pytest.raises(MissingInputError, match="is a folder") as caught:
        open_model(model_path.parent, flags={}, environ={})
    assert "(there is: Model.pth)" in caught.value.message
    assert str(model_path) in caught.value.hint


def test_bf16_weights_are_taken_when_asked_for(model_path: Path) -> None:
    ready = open_model(model_path, flags={"precision": "bf16", "max_chars": "5"}, environ={})
    assert ready.file.model.wte.weight.dtype == torch.bfloat16
    assert len("".join(ready.session().say("abc"))) <= 5


def test_a_prompt_longer_than_the_context_is_known_to_be(model_path: Path) -> None:
    ready = open_model(model_path, flags={}, environ={})
    told = [list(TextGenerator(ready, "a" * n, 1).notices()) for n in (15, 16)]
    assert told[0] == []
    assert "only the newest part is read" in told[1][0]


def test_beam_search_follows_a_bounded_number_of_texts(model_path: Path) -> None:
    ready = open_model(model_path, flags={"sampler": "beam", "max_chars": "2"}, environ={})
    assert len(list(TextGenerator(ready, "a", 5).texts())) == 5
    with pytest.raises(UsageError, match="at most 64 texts, not 65"):
        TextGenerator(ready, "a", 65)


def test_a_model_is_ready_without_torchs_compiler(model_path: Path) -> None:
    """Importing torch._dynamo would add two seconds to every chat."""
    code = (
        "import sys; from pathlib import Path; "
        "from lumina_cli.recipes.infer.loaded_model import open_model; "
        "ready = open_model(Path(sys.argv[1]), flags={'max_chars': '3'}, environ={}); "
        "''.join(ready.session().say('abc')); sys.exit('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model_path)], check=False)
    assert done.returncode == 0
