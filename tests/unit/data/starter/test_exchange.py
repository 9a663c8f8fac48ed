"""How a question is typed, and what makes two of them one question."""

import random

from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.starter.exchange import question_key, typed


def forms(text: str) -> set[str]:
    rng = random.Random(0)
    return {typed(text, rng=rng) for _ in range(300)}


def test_a_question_is_typed_with_and_without_capitals_and_marks() -> None:
    assert forms("What's my name, Lumina?") == {
        "What's my name, Lumina?",
        "What's my name, Lumina",
        "what's my name, lumina?",
        "what's my name, lumina",
        "whats my name lumina",
    }


def test_some_spell_the_american_way() -> None:
    assert {"My colour", "My color", "my colour", "my color"} == forms("My colour")


@given(st.text("abAB 1+?!.,'", min_size=1), st.integers())
def test_however_it_is_typed_it_is_the_same_question(text: str, seed: int) -> None:
    assert question_key(typed(text, rng=random.Random(seed))) == question_key(text)


def test_other_words_are_another_question() -> None:
    assert question_key("What is 3+4?") == question_key("what is 3+4")
    assert question_key("What is 3+4?") != question_key("What is 3-4?")
