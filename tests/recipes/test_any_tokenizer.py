"""A model of subwords goes through everything, from text to chat, by the Protocol alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina_cli.conversation import Message
from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from lumina_cli.core.config import EngineConfig
from lumina_cli.core.training.events import StepDone
from lumina_cli.errors import ModelFileError, UsageError
from lumina_cli.recipes.finetune.base import load_base
from lumina_cli.recipes.finetune.finetune import finetune, resume_finetune
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.infer.evaluate import evaluate_model
from lumina_cli.recipes.infer.loaded_model import LoadedModel, open_model
from lumina_cli.recipes.infer.model_info import model_info
from lumina_cli.recipes.infer.text_generator import TextGenerator
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import FINETUNE_CONFIGS, TRAIN_CONFIGS, resolve_settings
from lumina_cli.tokenizer.bpe import learning
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.registry import TOKENIZERS
from lumina_cli.tokenizer.special_ids import Special
from tests.recipes.finetune.test_finetune import CYRILLIC
from tests.recipes.train.test_pretrain import TINY

CHAT = "".join(
    f"<|user|>where is cat {number}\n<|bot|>the cat is on the mat, naïve {number}\n\n"
    for number in range(60)
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a model of pieces, and the text that it learnt."""
    pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("pieces")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUMINA_CACHE_DIR", str(folder / "cache"))
        run = begun(folder, out="Model.pth")
        folder.joinpath("events.txt").write_text(repr(list(run.run())), encoding="utf-8")
        yield folder


def begun(folder: Path, *, out: str) -> TrainingRun:
    (folder / "chat.txt").write_text(CHAT, encoding="utf-8")
    flags = {**TINY, "seq_length": 32, "max_steps": 80, "min_char_count": 20}
    flags |= {"tokenizer": "bpe", "vocab_size": 310}
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    return pretrain(settings, data=[folder / "chat.txt"], out=folder / out)


@pytest.fixture
def tokenizer(home: Path) -> BpeTokenizer:
    found = load_model(home / "Model.pth").tokenizer
    assert isinstance(found, BpeTokenizer)
    return found


def opened(home: Path, **flags: object) -> LoadedModel:
    return open_model(home / "Model.pth", flags={"seed": 1, **flags}, environ={})


def texts(home: Path, *, prompt: str = "where", num: int = 1, **flags: object) -> list[str]:
    generator = TextGenerator(opened(home, **flags), prompt, num)
    return ["".join(piece.text for piece in pieces) for pieces in generator.texts()]


def test_the_corpus_has_fewer_ids_than_characters(home: Path, tokenizer: BpeTokenizer) -> None:
    run = begun(home, out="Another.pth")
    held = run.job.data.corpus
    assert held.tokenizer == tokenizer
    said = [id_ for id_ in held.train.slice(0, len(held.train)).ids.tolist() if id_ >= 6]
    assert held.train_counts.chars == len(tokenizer.decode(said))
    assert len(said) < 0.6 * held.train_counts.chars
    assert "ï" not in tokenizer.character_ids or CHAT.count("ï") >= 20


def test_loss_is_told_per_character(home: Path, tokenizer: BpeTokenizer) -> None:
    """By the other way: a window at a time, without batches or masks."""
    text = "the cat is on the mat, naïve\n" * 3
    (home / "held_out.txt").write_text(text, encoding="utf-8")
    configs = (*TRAIN_CONFIGS, EngineConfig)
    settings = resolve_settings(configs, flags={"precision": "fp32"}, environ={})
    told = evaluate_model(home / "Model.pth", data=[home / "held_out.txt"], settings=settings)
    model = load_model(home / "Model.pth").model
    ids = [Special.BEGIN, *tokenizer.encode(text), Special.END]
    nats = 0.0
    for start in range(0, len(ids) - 1, 32):
        window = torch.tensor([ids[start : start + 33]])
        with torch.no_grad():
            logprobs = model(window[:, :-1]).log_softmax(dim=-1)[0]
        for logprob, id_ in zip(logprobs, window[0, 1:].tolist(), strict=True):
            nats -= float(logprob[id_]) if id_ != Special.END else 0.0
    assert told.evaluation.characters == len(text)
    assert told.evaluation.nats_per_char == pytest.approx(nats / len(text), rel=1e-5)


def test_a_run_tells_its_speed_in_characters(home: Path, tokenizer: BpeTokenizer) -> None:
    run = begun(home, out="Third.pth")
    step = next(event for event in run.run() if isinstance(event, StepDone))
    run.trainer.stop()
    assert step.num_chars == pytest.approx(4 * 32 * tokenizer.chars_per_id, rel=0.1)


def test_a_model_learns_and_its_file_tells_what_it_needs(
    home: Path, tokenizer: BpeTokenizer
) -> None:
    facts = model_info(home / "Model.pth")
    expected = {"ids": tokenizer.vocab_size, "characters": len(tokenizer.character_ids)}
    assert facts["vocabulary"] == expected
    assert facts["pieces"] == [left + right for left, right in tokenizer.merges]
    assert load_model(home / "Model.pth").metadata["val_nats_per_char"] < 1.5  # noise: over 3


def test_a_run_goes_on_where_it_was_stopped_without_its_cache_and_what_learnt_its_pieces(
    home: Path, tokenizer: BpeTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(home, out="Stopped.pth")
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 30:
            run.stop()
    found = find_run(
        None, out=home / "Stopped.pth", default_out=Path("Model.pth"), flags={"max_steps": 80}
    )
    assert found.found.checkpoint.tokenizer == tokenizer
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(learning, "LIBRARY", "no_such_package")
    again = pretrain(found.settings, data=found.data, out=found.out, resumed=found)
    list(again.run())
    first, second = (load_model(home / name).model for name in ("Model.pth", "Stopped.pth"))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    (home / "chat.txt").write_text(CHAT + "more", encoding="utf-8")
    with pytest.raises(UsageError, match="needs the package no_such_package"):
        pretrain(found.settings, data=found.data, out=found.out, resumed=found)


@pytest.mark.parametrize("max_chars", [1, 2, 7, 50])
@pytest.mark.parametrize("sampler", ["greedy", "nucleus", "beam"])
def test_a_text_has_at_most_the_characters_asked_for(
    home: Path, sampler: str, max_chars: int
) -> None:
    flags = {"num_beams": 2} if sampler == "beam" else {}
    (text,) = texts(home, sampler=sampler, max_chars=max_chars, **flags)
    assert 0 < len(text) <= max_chars
    longer = texts(home, sampler="greedy", max_chars=60)[0]
    assert sampler != "greedy" or longer.startswith(text)


def test_several_texts_side_by_side_are_those_of_one_by_one(home: Path) -> None:
    together = texts(home, num=3, sampler="nucleus", max_chars=20)
    assert together[0] == texts(home, sampler="nucleus", max_chars=20)[0]
    assert len(set(together)) > 1


def test_guessing_in_advance_changes_no_text(home: Path) -> None:
    for sampler in ("greedy", "nucleus"):
        with_guesses, without = (
            texts(home, sampler=sampler, max_chars=200, speculate=how) for how in ("auto", "off")
        )
        assert with_guesses == without


def test_a_stop_text_is_not_seen_wherever_it_begins(home: Path) -> None:
    how = {"sampler": "nucleus", "temperature": 1.5, "max_chars": 40}
    (whole,) = texts(home, **how)
    assert len(whole) > 10
    for start in range(1, len(whole) - 3):
        stop = whole[start : start + 3]
        (text,) = texts(home, **how, stop=(stop,))
        assert text == whole[: whole.index(stop)]


@pytest.mark.parametrize("sampler", ["greedy", "nucleus", "beam"])
def test_a_chat_is_held(home: Path, tokenizer: BpeTokenizer, sampler: str) -> None:
    session = opened(home, sampler=sampler, max_chars=24).session()
    reply = "".join(session.say("where is cat 7"))
    assert 0 < len(reply) <= 24
    shown = session.probs(num_top_probs=2)
    assert "".join(each.text for each in shown) == reply
    assert all(0 < each.prob <= 1 and len(each.top_probs) == 2 for each in shown)
    list(session.say("and naïve 🙂? " * 40))  # far more than the model can read
    told = f"reads {round(32 * tokenizer.chars_per_id)} characters at once"
    assert any(told in notice for notice in session.take_notices())


def test_of_a_long_message_the_newest_whole_characters_are_read(
    home: Path, tokenizer: BpeTokenizer
) -> None:
    session = opened(home).session()
    for length in range(1, 60):
        ids = session._context([Message("user", "the mat 🙂ï" * length)]).ids
        assert len(ids) <= 32
        text = tokenizer.decode(ids)
        assert ("the mat 🙂ï" * length).endswith(text)
        assert len(ids) >= 20 or text == "the mat 🙂ï" * length


def tuned(home: Path, *, out: str) -> TrainingRun:
    data = home / "mine.txt"
    data.write_text(CYRILLIC, encoding="utf-8")
    flags = {"max_steps": 40, "evaluations": 2, "batch_size": 4, "learning_rate": 0.01}
    settings = finetune_settings(load_base(home / "Model.pth"), flags=flags, environ={})
    return finetune(
        settings,
        model=home / "Model.pth",
        loaded=load_base(home / "Model.pth"),
        data=[data],
        out=home / out,
    )


def test_a_model_learns_new_characters_and_goes_on_with_them(
    home: Path, tokenizer: BpeTokenizer
) -> None:
    run = tuned(home, out="Tuned.pth")
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 20:
            run.stop()
    found = find_run(
        None, out=home / "Tuned.pth", default_out=Path("x"), flags={}, kinds=FINETUNE_CONFIGS
    )
    again = resume_finetune(found)
    list(again.run())
    assert again.report is not None
    new = load_model(home / "Tuned.pth")
    assert new.tokenizer.extends(tokenizer)
    assert set(again.report.characters_added) == set(CYRILLIC) - set(tokenizer.characters)
    assert new.tokenizer.added_characters(tokenizer.vocab_size) == again.report.characters_added
    assert again.report.base is not None
    assert again.report.base.loss.new is not None
    assert again.report.best_nats_per_char is not None
    assert again.report.best_nats_per_char < again.report.base.loss.new
    assert again.report.base_loss is not None
    held = again.job.data.corpus.train
    ids = held.slice(0, len(held)).ids
    assert np.isin(tokenizer.vocab_size, ids)


def test_files_of_a_kind_that_is_not_known_are_not_called_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(TOKENIZERS, BpeTokenizer.kind)
    with pytest.raises(ModelFileError, match=r"was made by version .* knows no tokenizer 'bpe'"):
        load_model(home / "Model.pth")
    checkpoint = next((home / "Model.run" / "checkpoints").glob("*.pth"))
    with pytest.raises(ModelFileError, match="knows no tokenizer 'bpe'"):
        load_checkpoint(checkpoint)
