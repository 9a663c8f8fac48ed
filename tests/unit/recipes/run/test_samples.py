"""What a model says while it is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from lumina_cli.recipes.run.samples import SAMPLE_CHARS, choose_prompt, say
from tests.unit.recipes.tiny import CHAT, VERSE, source_and_corpus, tiny_model, written


@pytest.mark.parametrize(("text", "prompt"), [(CHAT, "Hi"), (VERSE, None)], ids=["chat", "text"])
def test_a_chat_answers_a_question_of_its_data_and_a_text_begins_anew(
    tmp_path: Path, text: str, prompt: str | None
) -> None:
    source, corpus = source_and_corpus(written(tmp_path, text))
    assert choose_prompt(source, corpus) == prompt


def test_the_starter_corpus_is_asked_what_it_has_learnt(tmp_path: Path) -> None:
    source, corpus = source_and_corpus(written(tmp_path, CHAT))
    assert choose_prompt(replace(source, names=("starter",)), corpus) == "What is 3 plus 4?"


LONG_FIRST = f"<|user|>{'Well, ' * 40}\n<|bot|>Yes.\n\n<|user|>Who are you?\n<|bot|>A cat.\n\n" * 20


def test_a_question_that_takes_more_than_a_line_is_passed_over(tmp_path: Path) -> None:
    source, corpus = source_and_corpus(written(tmp_path, LONG_FIRST))
    assert choose_prompt(source, corpus) == "Who are you?"


def test_where_all_questions_are_long_there_is_a_usual_one(tmp_path: Path) -> None:
    source, corpus = source_and_corpus(written(tmp_path, CHAT.replace("Hi", "Well, " * 40)))
    assert choose_prompt(source, corpus) == "Hello"


@pytest.mark.parametrize("prompt", ["Hello", None])
def test_the_same_model_says_the_same_and_goes_on_learning(
    tmp_path: Path, prompt: str | None
) -> None:
    tokenizer = source_and_corpus(written(tmp_path, CHAT))[1].tokenizer
    model = tiny_model(tokenizer.vocab_size, dropout=0.5).train()
    texts = [say(model, prompt=prompt, tokenizer=tokenizer, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert 0 < max(map(len, texts)) <= SAMPLE_CHARS
    assert model.training
    say(model.eval(), prompt=prompt, tokenizer=tokenizer, seed=1)
    assert not model.training
