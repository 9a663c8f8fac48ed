"""How well counting predicts a text."""

import math
import random

import pytest

from lumina_cli.data.stats.ngrams import counting_loss


def test_letters_are_counted_with_the_unseen_one_in_mind() -> None:
    """By hand: of four letters two kinds were seen, so each has (2 + 2 · 1/2) / (4 + 2) = 1/2."""
    assert counting_loss("abab", "ab").letters == pytest.approx(math.log(2))


def test_pairs_know_what_follows() -> None:
    """By hand: a has 1/2 as above; b after a has (2 + 1 · 1/2) / (2 + 1) = 5/6."""
    assert counting_loss("abab", "ab").pairs == pytest.approx((math.log(2) + math.log(6 / 5)) / 2)


def test_letters_drawn_at_random_are_predicted_as_their_entropy_and_no_better() -> None:
    rng = random.Random(0)
    text = "".join(rng.choices("abcd", k=20_000))
    loss = counting_loss(text, "".join(rng.choices("abcd", k=5_000)))
    assert loss.letters == pytest.approx(math.log(4), rel=0.01)
    assert loss.pairs == pytest.approx(math.log(4), rel=0.01)


def test_longer_contexts_predict_words_better() -> None:
    rng = random.Random(0)
    words = ["castle", "river", "mountain", "queen", "forest"]
    loss = counting_loss(" ".join(rng.choices(words, k=3_000)), " ".join(rng.choices(words, k=500)))
    assert loss.words < loss.pairs / 2 < loss.letters / 2


def test_every_character_has_a_probability_even_one_never_seen() -> None:
    loss = counting_loss("aaaa", "aaz😀")
    assert all(math.isfinite(nats) for nats in (loss.letters, loss.pairs, loss.words))
