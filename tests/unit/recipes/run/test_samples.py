"""What a model says while it is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from lumina_cli.recipes.run.samples import SAMPLE_CHARS, choose_prompts, say
from tests.unit.recipes.tiny import CHAT, VERSE, source_and_corpus, tiny_model, written


def prompts(folder: Path, text: str) -> tuple[str | None, ...]:
    return choose_prompts(*source_and_corpus(written(folder, text)))


def test_a_chat_answers_questions_of_its_data(tmp_path: Path) -> None:
    assert prompts(tmp_path, CHAT)[0] == "Hi"


def test_a_text_is_begun_and_gone_on_with_from_words_of_it(tmp_path: Path) -> None:
    first, *others = prompts(tmp_path, VERSE)
    assert first is None
    assert len(others) == 2
    assert all(opening and opening in " ".join(VERSE.split()) for opening in others)


def test_the_starter_corpus_is_asked_what_it_has_learnt(tmp_path: Path) -> None:
    source, corpus = source_and_corpus(written(tmp_path, CHAT))
    asked = choose_prompts(replace(source, names=("starter",)), corpus)
    assert asked[0] == "What is 3 plus 4?"
    assert len(asked) == 3


LONG_FIRST = f"<|user|>{'Well, ' * 40}\n<|bot|>Yes.\n\n<|user|>Who are you?\n<|bot|>A cat.\n\n" * 20


def test_a_question_that_takes_more_than_a_line_is_passed_over(tmp_path: Path) -> None:
    assert prompts(tmp_path, LONG_FIRST) == ("Who are you?",)


def test_where_all_questions_are_long_there_is_a_usual_one(tmp_path: Path) -> None:
    assert prompts(tmp_path, CHAT.replace("Hi", "Well, " * 40)) == ("Hello",)


@pytest.mark.parametrize("is_chat", [True, False])
def test_the_same_model_says_the_same_and_goes_on_learning(tmp_path: Path, is_chat: bool) -> None:
    tokenizer = source_and_corpus(written(tmp_path, CHAT))[1].tokenizer
    model = tiny_model(tokenizer.vocab_size, dropout=0.5).train()
    given = {"is_chat": is_chat, "tokenizer": tokenizer}
    texts = [say(model, prompts=("Hello", "Hello"), seed=seed, **given) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert all(0 < max(map(len, both)) <= SAMPLE_CHARS for both in texts)
    assert texts[0][0] != texts[0][1]
    assert texts[0][0] == say(model, prompts=("Hello",), seed=1, **given)[0]
    assert model.training
    say(model.eval(), prompts=("Hello",), seed=1, **given)
    assert not model.training
