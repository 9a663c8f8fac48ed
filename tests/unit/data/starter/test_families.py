"""The replies of the pattern families, worked out here a second time and in another way."""

import calendar
import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from lumina_cli.data.starter.exchange import Exchange, Turn
from lumina_cli.data.starter.mix import MIX, SMALL_TALK

FAMILIES = {part.name: part.exchanges for part in MIX if part.family != SMALL_TALK}
DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)[1:]
ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
        "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
        "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
        "twenty": 20, "zero": 0}  # fmt: skip


def asked(name: str) -> list[tuple[str, str]]:
    """All (question, reply) of a family, held out or not; of a longer exchange the last turn."""
    return [
        (wording, exchange.turns[-1].reply)
        for exchange in FAMILIES[name]()
        for wording in (*exchange.turns[-1].wordings, *exchange.turns[-1].held_out)
    ]


def numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


def last_word(text: str) -> str:
    return text.rstrip("?.").split()[-1]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_holds_out_at_least_20_questions_and_learns_from_others(name: str) -> None:
    exchanges = FAMILIES[name]()
    assert sum(len(turn.held_out) for e in exchanges for turn in e.turns) >= 20
    assert any(e.is_trained for e in exchanges)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_never_learns_a_wording_that_it_holds_out(name: str) -> None:
    def heard(exchange: Exchange, pick: Callable[[Turn], tuple[str, ...]]) -> set[tuple[str, ...]]:
        *before, last = exchange.turns
        context = [before[0].wordings[0]] if before else []
        return {(*context, wording) for wording in pick(last)}

    exchanges = FAMILIES[name]()
    trained = [e for e in exchanges if e.is_trained]
    learnt = set().union(*(heard(e, lambda turn: turn.wordings) for e in trained))
    held_out = set().union(*(heard(e, lambda turn: turn.held_out) for e in exchanges))
    assert not learnt & held_out


@pytest.mark.parametrize(("name", "sign"), [("sums", 1), ("differences", -1)])
def test_sums_and_differences_are_right(name: str, sign: int) -> None:
    for question, reply in asked(name):
        a, b, c = numbers(reply)
        assert numbers(question) == [a, b]
        assert a + sign * b == c


def test_every_sum_of_two_digits_is_learnt_in_some_wording() -> None:
    learnt = {tuple(numbers(e.turns[0].reply)) for e in FAMILIES["sums"]() if e.is_trained}
    assert learnt == {(a, b, a + b) for a in range(10) for b in range(10)}
    assert sum(len(e.turns[0].held_out) for e in FAMILIES["sums"]()) == 24


def test_counting_goes_by_ones_from_the_start_to_the_end() -> None:
    for question, reply in asked("counting"):
        found = numbers(reply)
        if "from" in question and "down" not in question:
            assert [found[0], found[-1]] == numbers(question)
        elif "down" in question:
            assert [found[0]] == numbers(question)
            assert found[-1] == 1
        assert {abs(b - a) for a, b in pairwise(found)} == {1}
        assert reply == ", ".join(map(str, found)) + "."


def test_the_bigger_number_is_named_first() -> None:
    for question, reply in asked("bigger"):
        assert numbers(reply) == sorted(numbers(question), reverse=True)


def test_a_number_is_even_where_two_divides_it() -> None:
    for question, reply in asked("even or odd"):
        [number] = numbers(question)
        assert reply == f"{number} is {['even', 'odd'][number % 2]}."


def test_a_number_is_named_by_its_word() -> None:
    for question, reply in asked("number words"):
        assert [ONES[last_word(reply)]] == numbers(question) == numbers(reply)


def test_a_spelt_word_is_the_word_with_hyphens() -> None:
    for question, reply in asked("spelling"):
        assert reply.replace("-", "") == last_word(question)
        assert all(len(letter) == 1 for letter in reply.split("-"))


def test_a_copy_ends_the_question() -> None:
    for question, reply in asked("copying"):
        assert question.rstrip(".?").endswith((f"ay {reply}", f": {reply}"))


def test_a_plural_is_plain_or_one_that_english_makes_odd() -> None:
    odd = {"mice", "children", "feet", "teeth", "geese", "men", "women", "leaves", "knives",
           "wolves", "boxes", "foxes", "glasses", "buses", "babies", "cities", "berries", "flies",
           "fish", "sheep", "deer"}  # fmt: skip
    for _, reply in asked("plurals"):
        match = re.fullmatch(r"One (\w+), two (\w+)\.", reply)
        assert match is not None
        one, many = match.groups()
        plain_ending = not one.endswith(("s", "x", "z", "ch", "sh", "f", "fe"))
        plain_ending &= not re.search(r"[^aeiou]y$", one)
        assert many in odd or (many == one + "s" and plain_ending), reply


def test_days_follow_the_calendar() -> None:
    for question, reply in asked("days"):
        found, given = reply.split()[0], last_word(reply)
        step = 1 if "after" in question else -1
        assert given == last_word(question)
        assert DAYS[(DAYS.index(given) + step) % len(DAYS)] == found
        assert ("after" in reply) == (step == 1)


def test_opposites_go_both_ways() -> None:
    rows = {tuple(re.findall(r"of (\w+) is (\w+)", reply)[0]) for _, reply in asked("opposites")}
    assert rows == {(right, left) for left, right in rows}
    assert len({left for left, _ in rows}) == len(rows)


@pytest.mark.parametrize(
    ("name", "question", "reply"),
    [
        ("opposites", "What is the opposite of hot?", "The opposite of hot is cold."),
        ("animal sounds", "What does a cow say?", "A cow says moo."),
        ("young animals", "What is a young dog called?", "A young dog is a puppy."),
        ("young animals", "What is a young owl called?", "A young owl is an owlet."),
        ("colours", "What colour is the sky?", "The sky is blue."),
        ("capitals", "What is the capital of France?", "The capital of France is Paris."),
        ("kinds", "What is an apple?", "An apple is a fruit."),
        ("kinds", "What is a bee?", "A bee is an insect."),
        ("plurals", "What is the plural of mouse?", "One mouse, two mice."),
        ("names", "What is my name?", "Your name is Ana."),
    ],
)
def test_a_family_knows_its_plainest_example(name: str, question: str, reply: str) -> None:
    assert (question, reply) in asked(name)


def test_what_is_remembered_was_told_before() -> None:
    longer = [e for e in FAMILIES["names"]() if len(e.turns) > 1]
    assert longer
    for exchange in longer:
        remembered = last_word(exchange.turns[-1].reply)
        for wording in exchange.turns[0].wordings:
            assert last_word(wording) == remembered
