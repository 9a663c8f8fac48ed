"""Plain text continued."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.inference.config import MAX_BEAMS
from lumina_cli.errors import UsageError
from lumina_cli.recipes.infer import text_generator as module
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.infer.text_generator import TextGenerator


def generator_of(
    path: Path, *, prompt: str = "the c", num_texts: int = 1, **flags: Any
) -> TextGenerator:
    flags = {"max_chars": 8, "seed": 1, **flags}
    return TextGenerator(open_model(path, flags=flags, environ={}), prompt, num_texts)


def texts(generator: TextGenerator) -> list[str]:
    return ["".join(piece.text for piece in pieces) for pieces in generator.texts()]


def test_each_of_several_texts_is_what_it_would_be_alone(trained: Path) -> None:
    together = texts(generator_of(trained, num_texts=3, sampler="nucleus", temperature=1.5))
    alone = texts(generator_of(trained, sampler="nucleus", temperature=1.5))
    assert len(set(together)) == 3
    assert together[:1] == alone
    assert together == texts(generator_of(trained, num_texts=3, sampler="nucleus", temperature=1.5))


def test_beam_search_gives_as_many_as_are_asked_for_and_follows_no_fewer(trained: Path) -> None:
    generator = generator_of(trained, num_texts=6, sampler="beam", num_beams=2)
    assert (generator.config.num_beams, generator.config.num_candidates) == (6, 6)
    found = texts(generator)
    assert len(found) == len(set(found)) == 6
    with pytest.raises(UsageError, match=f"at most {MAX_BEAMS} texts"):
        generator_of(trained, num_texts=MAX_BEAMS + 1, sampler="beam")


def test_what_is_to_be_told_before_the_first_text(trained: Path) -> None:
    assert list(generator_of(trained).notices()) == []
    (cut,) = generator_of(trained, prompt="the cat sat on the mat").notices()
    assert "16" in cut
    (same,) = generator_of(trained, num_texts=2, sampler="greedy").notices()
    assert "--sampler nucleus" in same


@pytest.mark.parametrize("sampler", ["greedy", "beam"])
@pytest.mark.parametrize("num_texts", [1, 2])
def test_that_the_window_moved_on_is_told_after_the_last_text(
    trained: Path, sampler: str, num_texts: int
) -> None:
    # 1 id to begin with, 5 of the prompt, 10 said and read: the window of 16 is full.
    for max_chars, is_told in ((11, False), (12, True)):
        options = {"sampler": sampler, "num_texts": num_texts, "max_chars": max_chars}
        generator = generator_of(trained, **options)
        assert all(len(text) == max_chars for text in texts(generator))
        assert bool(list(generator.last_notices())) is is_told


def test_guessing_ahead_changes_nothing(trained: Path) -> None:
    guessed, plain = (
        generator_of(trained, sampler="greedy", speculate=how, max_chars=40)
        for how in ("auto", "off")
    )
    assert texts(guessed) == texts(plain)
    assert plain.acceptance == module.Acceptance()
    assert guessed.acceptance.num_passes > 0


def test_an_id_stands_for_a_character(trained: Path) -> None:
    assert generator_of(trained).chars_per_id == 1.0
