"""A tiny model learns on: growth, forgetting, replay, chains, resume."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import (
    ModelFile,
    load_checkpoint,
    load_model,
    save_model,
)
from lumina_cli.core.config import EngineConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import Evaluated, StepDone
from lumina_cli.core.training.parallel.rank import SingleProcess
from lumina_cli.core.training.validation.validator import RetentionLimit
from lumina_cli.errors import (
    DataError,
    MissingInputError,
    ModelFileError,
    OutputError,
    UsageError,
)
from lumina_cli.recipes.finetune import finetune as finetuning
from lumina_cli.recipes.finetune.base import load_base
from lumina_cli.recipes.finetune.finetune import finetune, resume_finetune
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.infer.evaluate import evaluate_model
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.samples import say
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import (
    FINETUNE_CONFIGS,
    TRAIN_CONFIGS,
    Settings,
    resolve_settings,
)
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER
from tests.recipes.train.test_pretrain import TINY, VERSE

CYRILLIC = "кот сидел на столе и дог спал на полу\n" * 25
CHAT = "".join(
    f"<|user|>кто ты {number}\n<|bot|>я кот номер {number} на столе\n\n" for number in range(60)
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model in it, its text beside it."""
    folder = tmp_path_factory.mktemp("home")
    data = folder / "text.txt"
    data.write_text(VERSE * 2, encoding="utf-8")
    flags = {**TINY, "max_steps": 150, "dropout": 0.1}
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    list(pretrain(settings, data=[data], out=folder / "Model.pth").run())
    return folder


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """A copy of it, to do things in; its text still lies where the base read it."""
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    return tmp_path


def tuned_settings(model: Path, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    given = {"max_steps": 60, "num_evals": 2, "batch_size": 4, "learning_rate": 0.01, **flags}
    return finetune_settings(load_base(model), flags=given, environ=environ or {})


def begun(
    folder: Path,
    *,
    text: str = CYRILLIC,
    model: str = "Model.pth",
    out: str = "FineTuned_Model.pth",
    name: str = "mine.txt",
    **flags: Any,
) -> TrainingRun:
    data = folder / name
    data.write_text(text, encoding="utf-8")
    return finetune(
        tuned_settings(folder / model, **flags),
        model=folder / model,
        loaded=load_base(folder / model),
        data=[data],
        out=folder / out,
    )


def done(folder: Path, **options: Any) -> TrainingRun:
    run = begun(folder, **options)
    list(run.run())
    return run


def evaluations(run: TrainingRun) -> list[Evaluated]:
    return [event for event in run.run() if isinstance(event, Evaluated)]


def test_a_model_learns_a_new_script_and_its_base_is_left_as_it_is(folder: Path) -> None:
    before = (folder / "Model.pth").read_bytes()
    run = done(folder)
    assert run.report is not None
    assert run.report.base is not None
    old = load_model(folder / "Model.pth")
    new = load_model(folder / "FineTuned_Model.pth")
    assert (folder / "Model.pth").read_bytes() == before
    assert set(run.report.characters_added) == set(CYRILLIC) - set(VERSE)
    assert new.tokenizer.characters == old.tokenizer.characters + run.report.characters_added
    assert run.report.best_nats_per_char is not None
    assert run.report.base.loss.new is not None
    assert run.report.best_nats_per_char < 0.5 * run.report.base.loss.new


def test_before_is_what_eval_says_of_the_base(folder: Path) -> None:
    run = begun(folder)
    assert run.job.base is not None
    val = folder / "val.txt"
    val.write_text(CYRILLIC[len(CYRILLIC) - len(CYRILLIC) // 10 :], encoding="utf-8")
    settings = resolve_settings((*TRAIN_CONFIGS, EngineConfig), flags={}, environ={})
    measured = evaluate_model(folder / "Model.pth", data=[val], settings=settings)
    assert run.job.base.loss.new == pytest.approx(measured.evaluation.nats_per_char, rel=0.02)


def test_before_the_first_step_old_characters_have_the_logits_of_the_base(folder: Path) -> None:
    base = load_model(folder / "Model.pth").model
    grown = begun(folder).job.model.eval()
    idx = torch.randint(0, base.vocab_size, (3, 16), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(grown(idx)[..., : base.vocab_size], base(idx))


def test_without_expansion_the_vocabulary_stays_and_bytes_carry_the_rest(folder: Path) -> None:
    run = done(folder, expand_vocab=False)
    assert run.report is not None
    assert run.report.characters_added == ""
    new = load_model(folder / "FineTuned_Model.pth")
    assert new.tokenizer == load_model(folder / "Model.pth").tokenizer
    assert "no-expand-vocab" in run.plan.more["new characters"]
    assert run.report.best_nats_per_char is not None


def test_more_characters_than_the_cap_are_told(folder: Path) -> None:
    run = begun(folder, max_new_chars=3)
    added = run.job.data.corpus.tokenizer.characters[-3:]
    counts = {character: CYRILLIC.count(character) for character in set(CYRILLIC) - set(VERSE)}
    assert {counts[c] for c in added} == set(sorted(counts.values(), reverse=True)[:3])
    left = len(counts) - 3
    assert any(f"{left} characters more than 3" in notice for notice in run.job.notices)


def test_forgetting_is_shown_before_after_and_in_between(folder: Path) -> None:
    run = begun(folder, replay="off")
    events = evaluations(run)
    assert all(event.base_loss is not None for event in events)
    assert run.report is not None
    assert run.report.base is not None
    assert run.report.base.loss.replay is not None
    assert run.report.base_loss in [event.base_loss for event in events]
    assert run.report.base_loss > run.report.base.loss.replay
    saved = load_model(folder / "FineTuned_Model.pth").metadata
    assert saved["kept_nats_per_char"] == run.report.base_loss


def test_with_replay_less_is_forgotten(folder: Path) -> None:
    kept = {}
    for replay in ("auto", "off"):
        run = done(folder, replay=replay, out=f"{replay}.pth", replay_ratio=0.4)
        assert run.report is not None
        kept[replay] = run.report.base_loss
    assert kept["auto"] < 0.9 * kept["off"]


def test_old_text_gets_no_worse_than_it_may(folder: Path) -> None:
    forgetful = {"learning_rate": 0.03, "replay_ratio": 0.2, "patience": 0}
    free = done(folder, out="free.pth", max_forgetting=1_000, **forgetful)
    held = done(folder, out="held.pth", max_forgetting=0.05, **forgetful)
    assert free.report is not None
    assert held.report is not None
    assert held.report.base is not None
    before, limit = held.report.base.loss, 1.05 * held.report.base.loss.replay  # type: ignore[operator]
    assert free.report.share == 1
    assert free.report.base_loss > limit  # type: ignore[operator]
    assert 0 < held.report.share < 1
    assert held.report.base_loss <= limit  # type: ignore[operator]
    assert held.report.best_nats_per_char < before.new  # type: ignore[operator]
    saved = load_model(folder / "held.pth")
    assert saved.metadata["share_of_learnt"] == held.report.share
    held.trainer.validator.retention = RetentionLimit(held.job.retention.texts)
    examined = held.trainer.validator.validate(saved.model, batch_size=4)
    assert examined.base_loss == pytest.approx(held.report.base_loss, rel=1e-5)
    assert examined.new.nats_per_char == pytest.approx(held.report.best_nats_per_char, rel=1e-5)


def test_a_run_that_was_not_held_can_go_on_and_not_be_held_from_there(folder: Path) -> None:
    run = begun(folder, replay="off", max_steps=12)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 3:
            run.stop()

    def going_on(**flags: Any) -> TrainingRun:
        return resume_finetune(
            find_run(
                None,
                out=folder / "FineTuned_Model.pth",
                default_out=Path("x.pth"),
                flags=flags,
                kinds=FINETUNE_CONFIGS,
            )
        )

    with pytest.raises(UsageError, match="did not keep the weights it began with"):
        going_on(max_forgetting=0.1)
    again = going_on()
    list(again.run())
    assert again.report is not None
    assert again.report.steps == 12


def test_muon_learns_at_twice_the_rate_that_is_asked_for() -> None:
    model = build_model(
        ModelConfig(hidden_size=64, num_layers=1, num_heads=1, seq_length=8),
        vocab_size=FIRST_CHARACTER + 1,
        generator=torch.Generator(),
    )
    for metadata, optimizer in (({"optimizer": "muon"}, "muon"), ({}, "adamw")):
        base = ModelFile(model, CharacterTokenizer("a"), metadata=metadata, digest="")
        usual = finetune_settings(base, flags={}, environ={}).of(TrainingConfig)
        slow = finetune_settings(base, flags={"learning_rate": 1e-7}, environ={}).of(TrainingConfig)
        own = finetune_settings(base, flags={"muon_learning_rate": 0.5}, environ={})
        assert usual.optimizer == optimizer
        assert usual.muon_learning_rate == pytest.approx(2 * 1e-4 * 512 / 64)
        assert slow.muon_learning_rate == pytest.approx(2e-7)
        assert own.of(TrainingConfig).muon_learning_rate == 0.5


def test_even_a_single_step_is_learnt_from(folder: Path) -> None:
    run = begun(folder, max_steps=1)
    before = run.job.model.lm_head.weight.detach().clone()
    list(run.run())
    assert not torch.equal(run.job.model.lm_head.weight, before)


def test_nothing_is_held_back_where_no_old_text_is_repeated(folder: Path) -> None:
    run = begun(folder, replay="off", learning_rate=0.03)
    assert not run.job.retention.base_weights
    assert all(event.alpha == 1 for event in evaluations(run))
    assert begun(folder, replay="off", max_forgetting=0.1).job.retention.base_weights


def test_a_run_does_not_go_on_where_the_old_text_that_it_measures_is_gone(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    shutil.move(folder / "text.txt", own / "text.txt")
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, "max_steps": 20}, environ={})
    list(pretrain(settings, data=[own / "text.txt"], out=folder / "Base.pth").run())
    run = begun(folder, model="Base.pth", max_steps=20)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 3:
            run.stop()
    shutil.rmtree(own)
    shutil.rmtree(folder / "Base.run")
    resumed = find_run(
        None,
        out=folder / "FineTuned_Model.pth",
        default_out=Path("x.pth"),
        flags={},
        kinds=FINETUNE_CONFIGS,
    )
    with pytest.raises(MissingInputError, match="old text that this run measures is gone"):
        resume_finetune(resumed)


def test_old_text_can_be_named(folder: Path) -> None:
    run = begun(folder, replay=str(folder / "text.txt"), replay_ratio=0.5)
    assert run.job.replay is not None
    assert run.job.replay_data.names == (str(folder / "text.txt"),)
    with pytest.raises(MissingInputError):
        begun(folder, replay=str(folder / "nowhere.txt"))


def test_what_is_forgotten_is_measured_on_the_bases_own_text_whatever_is_repeated(
    folder: Path,
) -> None:
    own = begun(folder, out="own.pth")
    (folder / "like.txt").write_text("a cow sat on a rug\n" * 60, encoding="utf-8")
    run = begun(folder, replay=str(folder / "like.txt"))
    assert run.job.replay_data.names == (str(folder / "like.txt"),)
    assert own.job.base is not None
    assert run.job.base is not None
    assert run.job.base.loss.replay == own.job.base.loss.replay


def test_where_the_bases_own_text_is_gone_named_text_is_repeated_and_the_sample_measured(
    folder: Path,
) -> None:
    without_old_text(folder)
    sampled = begun(folder, out="own.pth")
    (folder / "like.txt").write_text("a cow sat on a rug\n" * 60, encoding="utf-8")
    run = begun(folder, replay=str(folder / "like.txt"))
    assert run.job.replay is not None
    assert sampled.job.base is not None
    assert run.job.base is not None
    assert run.job.base.loss.replay == sampled.job.base.loss.replay
    assert not any("--replay PATH" in notice for notice in run.job.notices)


def without_old_text(folder: Path) -> None:
    """Let the model tell of a text that is gone."""
    data = folder / "gone.txt"
    data.write_text(VERSE * 2, encoding="utf-8")
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, "max_steps": 20}, environ={})
    list(pretrain(settings, data=[data], out=folder / "Model.pth").run())
    data.unlink()


def test_where_the_old_text_is_gone_a_sample_beside_the_model_stands_for_it(folder: Path) -> None:
    without_old_text(folder)
    run = begun(folder)
    assert run.job.replay is None
    assert len(run.job.replay_data.validation) == 1
    assert any("gone.txt" in notice for notice in run.job.notices)
    assert all(event.base_loss is not None for event in evaluations(run))


def test_where_nothing_is_left_of_the_old_text_that_is_told_with_what_to_do(folder: Path) -> None:
    without_old_text(folder)
    shutil.rmtree(folder / "Model.run")
    run = begun(folder)
    assert any("--replay PATH" in notice for notice in run.job.notices)
    assert all(event.base_loss is None for event in evaluations(run))
    assert run.report is not None
    assert run.report.base_loss is None


def test_old_text_that_has_changed_is_not_read_unless_it_is_named(folder: Path) -> None:
    data = folder / "own.txt"
    data.write_text(VERSE * 2, encoding="utf-8")
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, "max_steps": 5}, environ={})
    list(pretrain(settings, data=[data], out=folder / "Model.pth").run())
    data.write_text(VERSE * 3, encoding="utf-8")
    run = begun(folder)
    assert run.job.replay_data.names == ()
    assert any(
        "own.txt is not read: it has changed" in notice and f"--replay {data}" in notice
        for notice in run.job.notices
    )
    assert begun(folder, replay=str(data)).job.replay_data.names == (str(data),)


def forged(folder: Path, **told: Any) -> None:
    """Let the model file tell something else of its text."""
    loaded = load_model(folder / "Model.pth")
    save_model(
        folder / "Model.pth",
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        metadata={**loaded.metadata, **told},
    )


@pytest.mark.parametrize("fingerprint", ["", "0" * 64, None])
def test_a_file_of_the_user_that_a_model_file_names_is_not_read(
    folder: Path, fingerprint: str | None
) -> None:
    secret = folder / "secret.txt"
    secret.write_text("the key is under the mat\n" * 50, encoding="utf-8")
    record = {"paths": [str(secret)], "settings": {}, "seed": 0}
    if fingerprint is not None:
        record["fingerprint"] = fingerprint
    forged(folder, learnt_from=[record])
    run = begun(folder)
    assert run.job.replay_data.names == ()
    assert any("secret.txt is not read" in notice for notice in run.job.notices)


def test_the_names_that_an_old_model_file_tells_alone_are_not_read(folder: Path) -> None:
    forged(folder, learnt_from=[], trained_on=[str(folder / "text.txt")])
    run = begun(folder)
    assert run.job.replay_data.names == ()
    assert any("--replay" in notice for notice in run.job.notices)


@pytest.mark.parametrize("place", ["/", "//host/share/x.txt", r"\\host\share\x.txt"])
def test_places_that_take_long_to_look_at_are_not_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    forged(folder, learnt_from=[{"paths": [place], "settings": {}, "fingerprint": "0" * 64}])
    monkeypatch.setattr("lumina_cli.recipes.finetune.replay.MOST_FILES", 20)
    monkeypatch.setattr("lumina_cli.recipes.finetune.replay.open_source", never_called)
    assert any("is not read" in notice for notice in begun(folder).job.notices)


def never_called(*_: object, **__: object) -> None:
    raise AssertionError("it is not opened")


def left_with_named_text(folder: Path) -> Path:
    """Return old text that a run repeats, which was left after its first steps."""
    old = folder / "like.txt"
    old.write_text("a cow sat on a rug\n" * 60, encoding="utf-8")
    run = begun(folder, replay=str(old), max_steps=20)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 3:
            run.stop()
    return old


def gone_on(folder: Path, **flags: object) -> TrainingRun:
    out = folder / "FineTuned_Model.pth"
    found = find_run(None, out=out, default_out=out, flags=flags, kinds=FINETUNE_CONFIGS)
    return resume_finetune(found)


class InTurn(SingleProcess):
    """A rank that knows whether it is its turn."""

    is_now = False

    def in_turn(self, action: Callable[[], Any]) -> Any:
        self.is_now = True
        try:
            return action()
        finally:
            self.is_now = False


def test_processes_read_the_text_of_a_run_that_goes_on_one_after_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(folder, max_steps=12)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 3:
            run.stop()
    rank, turns = InTurn(), []
    real = finetuning.read_training_data
    monkeypatch.setattr(finetuning, "choose_compute", lambda _: replace(run.job.compute, rank=rank))
    monkeypatch.setattr(
        finetuning,
        "read_training_data",
        lambda *given, **named: (turns.append(rank.is_now), real(*given, **named))[1],
    )
    gone_on(folder)
    assert turns == [True]


def test_text_elsewhere_that_an_old_checkpoint_names_without_a_fingerprint_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_with_named_text(folder)
    monkeypatch.setattr("lumina_cli.recipes.finetune.finetune.REPLAY_FINGERPRINT", "no such key")
    (folder / "beside").mkdir()
    monkeypatch.chdir(folder / "beside")
    with pytest.raises(DataError, match="old text that this run repeats"):
        gone_on(folder)
    monkeypatch.chdir(folder)
    assert gone_on(folder).job.replay is not None


def test_text_that_a_checkpoint_names_is_read_where_it_is_what_the_run_repeated(
    folder: Path,
) -> None:
    old = left_with_named_text(folder)
    assert gone_on(folder).job.replay_data.names == (str(old),)
    old.write_text("the key is under the mat\n" * 60, encoding="utf-8")
    with pytest.raises(DataError, match="old text that this run repeats") as refusal:
        gone_on(folder)
    assert f"--replay {old}" in refusal.value.hint
    assert gone_on(folder, replay=str(old)).job.replay_data.names == (str(old),)


def test_conversations_are_learnt_by_the_bots_words_alone(folder: Path) -> None:
    run = begun(folder, text=CHAT)
    in_loss = run.job.data.corpus.train.slice(0, 10**6).in_loss
    assert 0 < in_loss.mean() < 0.8
    everything = begun(folder, text=CHAT, loss_on="all").job.data.corpus.train
    assert everything.slice(0, 10**6).in_loss.mean() > in_loss.mean()


def test_rows_without_a_reply_are_counted_and_told(folder: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "кто"}, {"role": "assistant", "content": "я"}]}
    ] * 40 + [{"messages": [{"role": "user", "content": "никого"}]}] * 3
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    notices = begun(folder, text=text, name="rows.jsonl").job.notices
    assert any(notice.startswith("3 left out: no reply follows") for notice in notices)


def test_data_in_which_the_bot_says_nothing_is_refused(folder: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": "кто"}]}] * 40
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with pytest.raises(DataError):
        begun(folder, text=text, name="rows.jsonl")


def test_a_text_shorter_than_a_window_is_padded_and_told(folder: Path) -> None:
    run = begun(folder, text="кот и дог", max_steps=3, min_char_count=1)
    assert any("shorter than one window" in notice for notice in run.job.notices)
    list(run.run())
    assert run.report is not None
    assert run.report.steps == 3


def test_validation_data_that_is_learnt_from_is_told(folder: Path) -> None:
    (folder / "mine.txt").write_text(CYRILLIC, encoding="utf-8")
    run = finetune(
        tuned_settings(folder / "Model.pth"),
        model=folder / "Model.pth",
        loaded=load_base(folder / "Model.pth"),
        data=[folder / "mine.txt"],
        val_data=[folder / "mine.txt"],
        out=folder / "out.pth",
    )
    assert any("is trained on, too" in notice for notice in run.job.notices)


def test_validation_data_that_is_repeated_is_told(folder: Path) -> None:
    (folder / "mine.txt").write_text(CYRILLIC, encoding="utf-8")
    run = finetune(
        tuned_settings(folder / "Model.pth", replay=str(folder / "text.txt")),
        model=folder / "Model.pth",
        loaded=load_base(folder / "Model.pth"),
        data=[folder / "mine.txt"],
        val_data=[folder / "text.txt"],
        out=folder / "out.pth",
    )
    assert any("text.txt is trained on, too" in notice for notice in run.job.notices)


def test_a_chain_tells_its_lineage_and_keeps_what_every_link_learnt(folder: Path) -> None:
    done(folder, text=CYRILLIC, out="first.pth", max_steps=20)
    run = done(folder, text="ότι και η γάτα\n" * 60, model="first.pth", out="second.pth",
               name="greek.txt", max_steps=20)  # fmt: skip
    first, second = load_model(folder / "first.pth"), load_model(folder / "second.pth")
    base = load_model(folder / "Model.pth")
    lineage = second.metadata["lineage"]
    assert [link["base_digest"] for link in lineage] == [base.digest, first.digest]
    added = "".join(link["characters_added"] for link in lineage)
    assert base.tokenizer.characters + added == second.tokenizer.characters
    assert lineage[0] == first.metadata["lineage"][0]
    assert [Path(name).name for name in run.job.replay_data.names] == ["text.txt", "mine.txt"]
    learnt = [Path(each["paths"][0]).name for each in second.metadata["learnt_from"]]
    assert learnt == ["text.txt", "mine.txt", "greek.txt"]


def test_a_longer_window_is_possible_and_told(folder: Path) -> None:
    run = done(folder, seq_length="40", max_steps=3)
    assert load_model(folder / "FineTuned_Model.pth").model.config.seq_length == 40
    assert any("see 40 characters at once" in notice for notice in run.job.notices)


@pytest.mark.parametrize("flags", [{"lora_rank": 4}, {"freeze_layers": 1}])
def test_a_saved_model_is_plain_whatever_learnt(folder: Path, flags: dict[str, int]) -> None:
    run = done(folder, **flags)
    base = load_model(folder / "Model.pth")
    new = load_model(folder / "FineTuned_Model.pth")
    assert set(new.model.state_dict()) == set(base.model.state_dict())
    old_rows = new.model.wte.weight[: base.model.vocab_size]
    assert torch.equal(old_rows, base.model.wte.weight)
    assert "learns" in run.plan.more
    assert run.report is not None
    assert run.report.best_nats_per_char is not None
    assert run.report.base is not None
    assert run.report.base.loss.new is not None
    assert run.report.best_nats_per_char < run.report.base.loss.new


@pytest.mark.parametrize("flags", [{"lora_rank": 4}, {"freeze_layers": 1}])
def test_a_sample_is_said_by_what_would_be_saved(folder: Path, flags: dict[str, int]) -> None:
    """It is asked for on the way, when seconds have passed."""
    run = done(folder, max_steps=10, num_evals=1, **flags)
    saved = load_model(folder / "FineTuned_Model.pth")
    said = say(
        saved.model,
        prompts=run.prompts,
        is_chat=bool(run.job.data.corpus.train_counts.conversations),
        tokenizer=saved.tokenizer,
        seed=run.job.config.seed,
    )
    assert run.trainer.samples.sample is not None
    assert run.trainer.samples.sample(run.job.model) == said


def newest(folder: Path) -> dict[str, Any]:
    found = find_run(
        None,
        out=folder / "FineTuned_Model.pth",
        default_out=Path("x.pth"),
        flags={},
        kinds=FINETUNE_CONFIGS,
    ).found
    return {name: tensor.tolist() for name, tensor in found.checkpoint.tensors.items()}


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"lora_rank": 4},
        {"freeze_layers": 1, "optimizer": "muon"},
        {"learning_rate": 0.03, "max_forgetting": 0.01},
        {"lora_rank": 4, "learning_rate": 0.03, "max_forgetting": 0.01},
    ],
)
def test_a_run_that_was_stopped_ends_as_the_one_that_was_not(
    home: Path, tmp_path: Path, flags: dict[str, Any]
) -> None:
    for name in ("whole", "stopped"):
        shutil.copytree(home, tmp_path / name)
        (tmp_path / name / "mine.txt").write_text(CYRILLIC, encoding="utf-8")
    options = {"max_steps": 16, "dropout": 0.2, "replay_ratio": 0.5, **flags}
    done(tmp_path / "whole", **options)
    run = begun(tmp_path / "stopped", **options)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 9:  # after an evaluation
            run.stop()
    (tmp_path / "stopped" / "Model.pth").unlink()  # it is not needed any more
    resumed = find_run(
        None,
        out=tmp_path / "stopped" / "FineTuned_Model.pth",
        default_out=Path("x.pth"),
        flags={},
        kinds=FINETUNE_CONFIGS,
    )
    going_on = resume_finetune(resumed)
    list(going_on.run())
    assert newest(tmp_path / "whole") == newest(tmp_path / "stopped")
    whole, stopped = (
        load_model(tmp_path / name / "FineTuned_Model.pth") for name in ("whole", "stopped")
    )
    assert whole.metadata.get("share_of_learnt") == stopped.metadata.get("share_of_learnt")
    assert "max_forgetting" not in flags or whole.metadata["share_of_learnt"] < 1
    assert whole.metadata["kept_nats_per_char"] == stopped.metadata["kept_nats_per_char"]
    assert going_on.report is not None
    assert going_on.report.base is not None
    assert going_on.report.base.loss == run.job.base.loss  # type: ignore[union-attr]


def test_the_other_commands_run_is_not_gone_on_with(folder: Path) -> None:
    done(folder, max_steps=2)
    with pytest.raises(UsageError, match="lumina finetune") as refusal:
        find_run(None, out=folder / "FineTuned_Model.pth", default_out=Path("x"), flags={})
    assert "lumina finetune --resume" in str(refusal.value.hint)
    with pytest.raises(UsageError, match="lumina train"):
        find_run(
            None,
            out=folder / "Model.pth",
            default_out=Path("x"),
            flags={},
            kinds=FINETUNE_CONFIGS,
        )


def test_the_base_is_never_written_over(folder: Path) -> None:
    with pytest.raises(OutputError, match="never written over"):
        begun(folder, out="Model.pth")
    (folder / "link.pth").symlink_to(folder / "Model.pth")
    with pytest.raises(OutputError, match="never written over"):
        begun(folder, out="link.pth")


def test_where_the_base_would_be_written_over_another_name_is_told(folder: Path) -> None:
    done(folder, max_steps=2)
    (folder / "FineTuned_Model-2.pth").touch()
    with pytest.raises(OutputError) as refusal:
        begun(folder, model="FineTuned_Model.pth", out="FineTuned_Model.pth")
    assert str(folder / "FineTuned_Model-3.pth") in str(refusal.value.hint)


def test_an_earlier_run_at_the_same_place_is_told_with_the_way_to_go_on(folder: Path) -> None:
    run = begun(folder, max_steps=9)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 2:
            run.stop()
    again = begun(folder, max_steps=9)
    way = f"lumina finetune --resume {folder / 'FineTuned_Model.previous.run'}"
    assert any(way in notice for notice in again.job.notices)


def test_a_run_goes_on_with_the_dropout_that_is_asked_for(folder: Path) -> None:
    done(folder, max_steps=2)
    resumed = find_run(
        None,
        out=folder / "FineTuned_Model.pth",
        default_out=Path("x.pth"),
        flags={"dropout": 0.3, "max_steps": 4},
        kinds=FINETUNE_CONFIGS,
    )
    going_on = resume_finetune(resumed)
    assert going_on.job.model.config.dropout == 0.3
    assert not any("earlier run" in notice for notice in going_on.job.notices)


def test_a_checkpoint_is_no_base_and_that_is_said(folder: Path) -> None:
    checkpoint = next((folder / "Model.run" / "checkpoints").iterdir())
    load_checkpoint(checkpoint)
    with pytest.raises(ModelFileError, match="is a checkpoint of a run") as refusal:
        load_base(checkpoint)
    assert "Model.pth" in str(refusal.value.hint)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a model"])
def test_a_damaged_base_is_refused(folder: Path, content: bytes) -> None:
    (folder / "bad.pth").write_bytes(content)
    with pytest.raises(ModelFileError):
        load_base(folder / "bad.pth")


def test_shape_and_preset_are_the_bases_whatever_the_environment_says(folder: Path) -> None:
    settings = tuned_settings(
        folder / "Model.pth", {"LUMINA_HIDDEN_SIZE": "512", "LUMINA_PRESET": "large"}
    )
    values = settings.values()
    assert (values["hidden_size"], values["num_layers"]) == (16, 1)
    assert settings.preset is None
    assert len([n for n in settings.notices if "has no effect on a model" in n]) == 2


def test_the_usual_settings_are_gentle(folder: Path) -> None:
    loaded = load_base(folder / "Model.pth")
    values = finetune_settings(loaded, flags={}, environ={}).values()
    assert values["learning_rate"] == pytest.approx(1e-4 * 512 / 16)
    assert (values["loss_on"], values["seq_length"], values["dropout"]) == ("bot", 16, 0.1)
    wide = loaded.model.config.model_copy(update={"hidden_size": 1024})
    loaded.model.config = wide
    assert finetune_settings(loaded, flags={}, environ={}).values()["learning_rate"] == 1e-4


def test_a_short_text_is_passed_over_more_often_unless_it_is_said_how_often(folder: Path) -> None:
    few = begun(folder, text=CYRILLIC[:200], max_steps=None)
    assert few.job.config.epochs == 40
    assert begun(folder, text=CYRILLIC[:200], max_steps=None, epochs="2").job.config.epochs == 2
    assert begun(folder, text=CYRILLIC * 60, max_steps=None).job.config.epochs == 3


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"expand_vocab": False, "max_new_chars": "9"}, "max_new_chars has no effect"),
        ({"lora_alpha": "9"}, "lora_alpha has no effect"),
        ({"replay": "off", "replay_ratio": "0.5"}, "replay_ratio has no effect"),
    ],
)
def test_settings_without_effect_are_told(folder: Path, flags: dict[str, Any], said: str) -> None:
    assert any(said in notice for notice in begun(folder, **flags).job.notices)


@pytest.mark.parametrize(
    "flags", [{"freeze_layers": "2"}, {"freeze_layers": "1", "lora_rank": "4"}]
)
def test_more_frozen_than_there_is_is_refused(folder: Path, flags: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        tuned_settings(folder / "Model.pth", **flags)


def test_ids_of_old_characters_never_move(folder: Path) -> None:
    done(folder, max_steps=2)
    old = load_model(folder / "Model.pth").tokenizer
    new = load_model(folder / "FineTuned_Model.pth").tokenizer
    assert new.encode("the cat") == old.encode("the cat")
    assert min(new.encode("кот")) >= FIRST_CHARACTER + len(old.characters)
