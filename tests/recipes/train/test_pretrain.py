"""Tiny real runs: text in, a model file out."""

import json
import math
import os
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lumina_cli.conversation import Conversation, Message
from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.training.events import Evaluated, Finished, StepDone
from lumina_cli.core.training.parallel import threads as workers
from lumina_cli.data.starter.corpus import Question
from lumina_cli.errors import DataError, MissingInputError
from lumina_cli.recipes.infer import starter_eval
from lumina_cli.recipes.run import samples
from lumina_cli.recipes.run.events import Saved
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.run_backup import backup_notices
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings

TINY: dict[str, object] = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "seq_length": 16,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "num_evals": 2,
}
VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
CHAT = "<|user|>Hi\n<|bot|>Hello there!\n\n" * 40


def prepare(
    folder: Path,
    *,
    text: str = VERSE,
    out: str = "Model.pth",
    started_s: float | None = None,
    **flags: object,
) -> TrainingRun:
    data = folder / "text.txt"
    data.write_text(text, encoding="utf-8")
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, **flags}, environ={})
    return pretrain(settings, data=[data], out=folder / out, started_s=started_s)


@pytest.fixture
def same_threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("same_threads_afterwards")
@pytest.mark.parametrize(
    ("free", "change", "is_told"),
    [
        (200 << 20, {}, True),
        (None, {}, False),
        (200 << 20, {"activation_checkpointing": True}, False),
        (200 << 20, {"compile": "on"}, False),
        (200 << 20, {"micro_batch_size": 1}, False),
    ],
)
def test_threads_that_can_not_share_steps_for_want_of_memory_are_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int | None,
    change: dict[str, object],
    is_told: bool,
) -> None:
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    monkeypatch.setattr(workers, "available_memory_bytes", lambda _: free)
    notices = prepare(tmp_path, max_steps=1, threads=2, **change).notices
    assert ("can't share" in " ".join(notices)) == is_told


def test_a_run_leaves_a_model_that_has_learnt_the_text(tmp_path: Path) -> None:
    run = prepare(tmp_path, max_steps=150)
    events = list(run.run())
    first, last = [event for event in events if isinstance(event, StepDone)][::149]
    assert last.loss < 0.5 * first.loss
    assert run.report is not None
    assert run.report.steps == 150
    loaded = load_model(tmp_path / "Model.pth")
    assert set(loaded.tokenizer.characters) == set(VERSE)
    assert loaded.metadata["val_nats_per_char"] == run.report.best_nats_per_char
    assert loaded.draft is not None
    assert loaded.draft[:, 1].any()
    # At most a tenth of the weights, which take four bytes each.
    assert (
        0
        < loaded.draft.nbytes
        <= 0.4 * num_parameters(loaded.model.config, vocab_size=loaded.tokenizer.vocab_size)
    )


def test_the_plan_tells_what_will_be_done(tmp_path: Path) -> None:
    plan = prepare(tmp_path, epochs=3).plan
    num_ids = len(VERSE) * 9 // 10 + 1  # <|begin|>; the end was cut off for validation
    assert plan.train.chars == len(VERSE) * 9 // 10
    assert plan.validation.chars == len(VERSE) // 10
    assert plan.steps_per_epoch == math.ceil(math.ceil((num_ids - 1) / 16) / 4)
    assert plan.steps == 3 * plan.steps_per_epoch
    assert plan.num_parameters == sum(
        parameter.numel() for parameter in prepare(tmp_path).job.model.parameters()
    )


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a.pth", 1), ("b.pth", 1), ("c.pth", 2)):
        list(prepare(tmp_path, out=name, max_steps=5, seed=seed, dropout=0.2).run())
        weights = load_model(tmp_path / name).model.state_dict()
        digests.append(weights["lm_head.weight"].sum().item())
    assert digests[0] == digests[1] != digests[2]


def test_the_best_model_is_saved_not_the_last(tmp_path: Path) -> None:
    run = prepare(tmp_path, max_steps=20, num_evals=10, learning_rate=0.5)
    figures = {}
    for event in run.run():
        if isinstance(event, Evaluated):
            figures[event.step] = event.nats_per_char
    best = min(figures[step] for step in figures if step > 0)
    assert load_model(tmp_path / "Model.pth").metadata["val_nats_per_char"] == best


def test_stopping_ends_the_run_with_a_saved_model(tmp_path: Path) -> None:
    run = prepare(tmp_path, max_steps=1000)
    events = []
    for event in run.run():
        events.append(event)
        if isinstance(event, StepDone) and event.step == 7:
            run.stop()
    assert isinstance(events[-1], Finished)
    assert (events[-1].step, events[-1].reason) == (7, "interrupted")
    assert any(isinstance(event, Saved) for event in events)
    assert load_model(tmp_path / "Model.pth").metadata["steps"] == 7


def test_older_models_are_kept_aside_and_that_is_told(tmp_path: Path) -> None:
    for steps in (1, 2, 3):
        run = prepare(tmp_path, max_steps=steps)
        list(run.run())
    assert load_model(tmp_path / "Model.pth").metadata["steps"] == 3
    assert load_model(tmp_path / "Model.previous-2.pth").metadata["steps"] == 2
    assert load_model(tmp_path / "Model.previous.pth").metadata["steps"] == 1
    assert any("Model.previous-2.run" in notice for notice in run.job.notices)


def test_a_run_that_was_best_before_its_end_has_ended(tmp_path: Path) -> None:
    run = prepare(tmp_path, max_steps=12, learning_rate=0.5, warmup_ratio=0.9, min_lr_ratio=1.0)
    evaluated = [event for event in run.run() if isinstance(event, Evaluated)]
    assert not evaluated[-1].is_best
    (notice,) = backup_notices(run.job.out)
    assert "has not ended" not in notice


def test_the_run_folder_tells_what_happened(tmp_path: Path) -> None:
    list(prepare(tmp_path, max_steps=4).run())
    lines = (tmp_path / "Model.run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines].count("StepDone") == 4
    settings = tomllib.loads((tmp_path / "Model.run" / "settings.toml").read_text("utf-8"))
    assert settings["hidden_size"] == 16
    again = resolve_settings(
        TRAIN_CONFIGS, flags={}, environ={}, toml=tmp_path / "Model.run" / "settings.toml"
    )
    assert again.values()["max_steps"] == 4


def test_minutes_count_from_the_start_of_the_command(tmp_path: Path) -> None:
    begun_s = time.monotonic() - 60  # one minute of which nothing is left
    list(prepare(tmp_path, minutes=1.0, started_s=begun_s).run())
    assert load_model(tmp_path / "Model.pth").metadata["steps"] == 1


def test_conversations_are_sampled_with_a_question(tmp_path: Path) -> None:
    run = prepare(tmp_path, text=CHAT)
    assert run.prompts[0] == "Hi"
    assert prepare(tmp_path, text=VERSE).prompts[0] is None


def test_text_too_short_to_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises((DataError, MissingInputError)):
        prepare(tmp_path, text="")


def test_a_text_shorter_than_a_window_is_learnt(tmp_path: Path) -> None:
    run = prepare(tmp_path, text="hello", max_steps=2)
    list(run.run())
    assert run.report is not None
    assert run.report.steps == 2


def test_nothing_to_train_on_names_the_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = resolve_settings(TRAIN_CONFIGS, flags=TINY, environ={})
    with pytest.raises(MissingInputError) as caught:
        pretrain(settings, data=[], out=tmp_path / "Model.pth")
    assert "--preset demo" in caught.value.hint


def test_the_starter_corpus_ends_with_an_exam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question("sums", Conversation((Message("user", "1+1"),)), ("1 plus 1 is 2.",))
    monkeypatch.setattr(starter_eval, "questions", lambda: [question, question])
    monkeypatch.setattr(samples, "SAMPLE_CHARS", 5)
    settings = resolve_settings(
        TRAIN_CONFIGS, flags={**TINY, "max_steps": 2, "eval_chars": 100}, environ={}, preset="demo"
    )
    run = pretrain(settings, data=[], out=tmp_path / "Model.pth")
    assert run.plan.data == ("starter",)
    list(run.run())
    assert run.report is not None
    assert run.report.starter_eval is not None
    assert [score.num_questions for score in run.report.starter_eval.families] == [2]
    assert load_model(tmp_path / "Model.pth").metadata["sampling"] == {"sampler": "greedy"}


def test_real_oasst_rows_are_learnt_as_conversations(tmp_path: Path, shared_data: Path) -> None:
    settings = resolve_settings(
        TRAIN_CONFIGS, flags={**TINY, "max_steps": 3, "eval_chars": 500}, environ={}
    )
    rows = shared_data / "oasst" / "oasst1_en_messages.jsonl"
    run = pretrain(settings, data=[rows], out=tmp_path / "Model.pth")
    assert run.plan.train.conversations > 50
    list(run.run())
    assert load_model(tmp_path / "Model.pth").metadata["conversations"] > 50


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"optimizer": "muon", "weight_decay": 0.1}, "weight_decay has no effect with muon"),
        ({"muon_learning_rate": 0.1}, "muon_learning_rate has no effect with adamw"),
        ({"loss_on": "bot"}, "loss_on has no effect where there are no conversations"),
        (
            {"start_seq_length": "4096"},
            "start_seq_length has no effect unless it is less than seq_length 16",
        ),
        ({"oasst_lang": "de"}, "oasst_lang has no effect where there are no OASST trees"),
        ({"oasst_paths": "all"}, "oasst_paths has no effect where there are no OASST trees"),
        (
            {"include_synthetic": True},
            "include_synthetic has no effect where there are no OASST messages",
        ),
        ({"format": "text", "oasst_lang": "de"}, "oasst_lang has no effect with --format text"),
        ({"val_fraction": 0.0, "patience": 3}, "patience has no effect without validation text"),
    ],
)
def test_a_setting_without_effect_is_told_with_its_source(
    tmp_path: Path, flags: dict[str, object], told: str
) -> None:
    name = told.split()[0].replace("_", "-")
    assert f"{told} (from --{name})" in prepare(tmp_path, max_steps=1, **flags).job.notices


def test_what_is_read_of_trees_is_not_told_where_there_are_trees(tmp_path: Path) -> None:
    rows = [
        {"message_id": f"{n}{kind}", "parent_id": parent, "role": role, "text": f"words {n}"}
        for n in range(40)
        for kind, parent, role in (("a", None, "prompter"), ("b", f"{n}a", "assistant"))
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    flags = {
        **TINY,
        "max_steps": 1,
        "oasst_lang": "all",
        "oasst_paths": "all",
        "include_synthetic": True,
    }
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    run = pretrain(settings, data=[data], out=tmp_path / "Model.pth")
    assert not [notice for notice in run.job.notices if "no effect" in notice]


def test_the_share_for_validation_has_no_effect_beside_validation_files(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(VERSE[::-1], encoding="utf-8")
    data = tmp_path / "text.txt"
    data.write_text(VERSE, encoding="utf-8")
    settings = resolve_settings(TRAIN_CONFIGS, flags=TINY, environ={"LUMINA_VAL_FRACTION": "0.2"})
    run = pretrain(settings, data=[data], val_data=[other], out=tmp_path / "Model.pth")
    told = "val_fraction has no effect beside validation files (from LUMINA_VAL_FRACTION)"
    assert told in run.job.notices


def test_what_a_preset_sets_for_another_optimizer_is_not_told(tmp_path: Path) -> None:
    data = tmp_path / "text.txt"
    data.write_text(VERSE, encoding="utf-8")
    settings = resolve_settings(
        TRAIN_CONFIGS, flags={**TINY, "optimizer": "adamw"}, environ={}, preset="demo"
    )
    run = pretrain(settings, data=[data], out=tmp_path / "Model.pth")
    assert not [notice for notice in run.job.notices if "no effect" in notice]


@pytest.mark.skipif(os.name == "nt", reason="Windows counts otherwise")
def test_a_model_with_as_long_a_name_as_a_file_can_have_is_trained_and_kept(tmp_path: Path) -> None:
    name = "ä" * 125 + "x.pth"  # 255 bytes
    for _ in range(2):
        list(prepare(tmp_path, out=name, max_steps=1).run())
    models = sorted(path.name for path in tmp_path.glob("*.pth"))
    assert models == sorted([name, "ä" * 121 + ".previous.pth"])
    for model in models:
        assert load_model(tmp_path / model).metadata["steps"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name files in UTF-8")
def test_a_text_whose_name_is_no_utf8_is_trained_on(tmp_path: Path) -> None:
    data = tmp_path / os.fsdecode(b"caf\xe9.txt")
    data.write_text(VERSE, encoding="utf-8")
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, "max_steps": 1}, environ={})
    list(pretrain(settings, data=[data], out=tmp_path / "Model.pth").run())
    assert load_model(tmp_path / "Model.pth").metadata["trained_on"] == [
        str(tmp_path / r"caf\udce9.txt")
    ]
    assert (tmp_path / "Model.run" / "report.html").exists()
