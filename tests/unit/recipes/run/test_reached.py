"""What the loss of a run means."""

import math
from pathlib import Path

import pytest

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import StopReason
from lumina_cli.data.stats.ngrams import CountingLoss
from lumina_cli.recipes.run.reached import Reached, landmarks, level, what_was_reached
from tests.unit.recipes.tiny import CHAT, source_and_corpus, written

COUNTED = CountingLoss(letters=3.33, pairs=2.47, words=2.10)
"""Of Faust I, by 40,000 characters of it."""

LONG_VERSE = "the cat sat on the mat and the dog sat on the log\n" * 200


@pytest.mark.parametrize(
    ("nats", "expected"),
    [
        (5.84, "nothing"),
        (3.30, "nothing"),
        (2.9, "letters"),
        (2.3, "syllables"),
        (2.0, "syllables"),
        (1.80, "words"),
        (1.4, "phrases"),
    ],
)
def test_a_loss_is_told_beside_what_counting_reaches(nats: float, expected: str) -> None:
    assert level(nats, COUNTED) == expected


@pytest.mark.parametrize(
    ("counted_words", "nats", "expected"),
    [
        (
            2.27,
            2.32,
            "syllables",
        ),  # "chou choural sher ther s aith therextor she sour": many languages
        (2.27, 1.74, "words"),  # "There are a streen the model the species and her services"
        (1.54, 2.08, "syllables"),  # "I ames thet be haddayou high high thin land": dialogues
        (1.54, 1.21, "words"),  # "I am not sure how the NFL has to leave a female players"
        (4.37, 3.36, "words"),  # Japanese
    ],
)
def test_what_is_told_is_true_of_the_samples_of_real_runs(
    counted_words: float, nats: float, expected: str
) -> None:
    assert level(nats, CountingLoss(letters=5.5, pairs=4.4, words=counted_words)) == expected


def test_contexts_that_predict_worse_than_letters_set_no_standard() -> None:
    strange = CountingLoss(letters=3.0, pairs=4.0, words=5.0)
    assert level(4.5, strange) == "nothing"
    assert level(2.95, strange) == "nothing"
    assert level(2.9, strange) == "syllables"
    assert level(2.6, strange) == "words"


def reached(
    tmp_path: Path, text: str, *, reason: StopReason = "epochs", **limits: object
) -> Reached:
    _, corpus = source_and_corpus(written(tmp_path, text))
    config = TrainingConfig.model_validate(limits)
    counting = landmarks(corpus).counting
    return what_was_reached(1.0, corpus=corpus, config=config, reason=reason, counting=counting)


def test_landmarks_are_guessing_among_all_ids_and_counting(tmp_path: Path) -> None:
    _, corpus = source_and_corpus(written(tmp_path, LONG_VERSE))
    found = landmarks(corpus)
    assert math.exp(found.guessing) == pytest.approx(corpus.tokenizer.vocab_size)
    assert (found.num_ids, found.chars_per_id) == (corpus.tokenizer.vocab_size, 1.0)
    assert found.counting is not None
    assert found.guessing > found.counting.letters > found.counting.words


def test_a_text_is_to_be_gone_on_with_and_its_usual_beginning_is_known(tmp_path: Path) -> None:
    result = reached(tmp_path, LONG_VERSE, epochs=5)
    assert (result.is_conversation, result.first_words) == (False, "the cat")
    assert result.level is not None
    assert result.longer == "--epochs 10"


def test_a_book_is_gone_on_with_by_its_own_sentences_not_by_the_licence_around_it(
    tmp_path: Path,
) -> None:
    licence = "The Project Gutenberg eBook is for the use of anyone anywhere.\n" * 20
    story = "He was late, as he\nof course often was. It rained. He was tired of it.\n" * 60
    assert reached(tmp_path, licence + story + licence).first_words == "He was"


def test_a_text_of_one_line_is_gone_on_with_by_its_first_words(tmp_path: Path) -> None:
    assert reached(tmp_path, "Once upon a time there was a small boat").first_words == "Once upon"


def test_conversations_are_known_as_such_and_few_of_them_say_nothing_of_a_level(
    tmp_path: Path,
) -> None:
    result = reached(tmp_path, CHAT)
    assert result.is_conversation
    assert result.level is None


@pytest.mark.parametrize(
    ("reason", "limits", "expected"),
    [
        ("minutes", {"minutes": 2.5}, "--minutes 5"),
        ("max_steps", {"max_steps": 4000}, "--max-steps 8000"),
        ("patience", {"epochs": 100}, ""),
        ("interrupted", {"epochs": 100}, ""),
    ],
)
def test_a_run_that_ended_as_planned_can_be_made_twice_as_long(
    reason: StopReason, limits: dict[str, object], expected: str, tmp_path: Path
) -> None:
    assert reached(tmp_path, LONG_VERSE, reason=reason, **limits).longer == expected
