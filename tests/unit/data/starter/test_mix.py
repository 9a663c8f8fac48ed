"""How exchanges are dealt and set behind each other."""

import random

from lumina_cli.conversation import Message
from lumina_cli.data.starter.exchange import Exchange, Turn, single
from lumina_cli.data.starter.mix import (
    OUTLINES,
    Messages,
    Place,
    assemble,
    follow_ups,
    sample_exchanges,
)

RIDDLE = Turn(("Tell me a riddle.",), "What has hands but cannot clap?")
GIVE_UP = Turn(("I give up.",), "A clock!")


def exchange_of(asked: str, reply: str) -> Messages:
    return (Message("user", asked), Message("bot", reply))


def pools(**filled: list[Messages]) -> dict[Place, list[Messages]]:
    return {place: list(filled.get(place, [])) for place in ("opens", "within", "closes", "alone")}


def test_the_outlines_are_shares_of_a_hundred() -> None:
    assert sum(OUTLINES.values()) == 100


def test_exchanges_fill_the_characters_asked_for_and_hardly_more() -> None:
    made = sample_exchanges(
        (single(("Hello",), reply="Hi!"),), num_chars=1000, rng=random.Random(0)
    )
    assert 1000 <= sum(len(m.text) for said in made for m in said) <= 1008


def test_every_wording_is_dealt_and_the_held_out_ones_never() -> None:
    exchange = single(("1", "2", "3"), reply="yes", held_out=("4",))
    unheard = single((), reply="no", held_out=("5",))
    made = sample_exchanges((exchange, unheard), num_chars=400, rng=random.Random(0))
    asked = [said[0].text for said in made]
    assert set(asked) == {"1", "2", "3"}
    assert asked.count("1") == 2 * asked.count("2") == 2 * asked.count("3")


def test_a_later_turn_leads_on_from_the_reply_before_it() -> None:
    assert follow_ups([Exchange((RIDDLE, GIVE_UP))]) == {(RIDDLE.reply, "i give up")}


def test_each_exchange_is_used_once_and_in_its_place() -> None:
    given = {
        "opens": [exchange_of(f"o{n}", "x") for n in range(50)],
        "within": [exchange_of(f"w{n}", "x") for n in range(200)],
        "closes": [exchange_of(f"c{n}", "x") for n in range(50)],
        "alone": [exchange_of(f"a{n}", "x") for n in range(9)],
    }
    talks = assemble(pools(**given), follow_ups=frozenset(), rng=random.Random(0))
    asked = [[message.text for message in talk[::2]] for talk in talks]
    assert sorted(text for texts in asked for text in texts) == sorted(
        said[0].text for pool in given.values() for said in pool
    )
    for texts in asked:
        places = "".join(text[0] for text in texts)
        assert places == "a" or places == "".join(sorted(places, key="owc".index))


def test_an_exchange_that_would_seem_to_answer_the_one_before_begins_a_talk_of_its_own() -> None:
    riddles = [exchange_of("Riddle", RIDDLE.reply)] * 200
    surrenders = [exchange_of("i give up", "Do not give up!")] * 200
    guarded = assemble(
        pools(within=[*riddles, *surrenders]),
        follow_ups=follow_ups([Exchange((RIDDLE, GIVE_UP))]),
        rng=random.Random(0),
    )
    pairs = {
        (talk[i + 1].text, talk[i + 2].text) for talk in guarded for i in range(0, len(talk) - 2, 2)
    }
    assert (RIDDLE.reply, "i give up") not in pairs
    assert ("Do not give up!", "Riddle") in pairs
