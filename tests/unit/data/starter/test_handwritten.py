"""The notation of the hand-written exchanges."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.data.starter.exchange import Exchange, Turn, question_key
from lumina_cli.data.starter.handwritten import kinds, parse, written

texts = st.text("ab 1?", min_size=1, max_size=5).map(str.strip).filter(bool)
exchanges = st.builds(
    Exchange,
    st.lists(
        st.builds(
            Turn,
            st.lists(texts, min_size=1, max_size=3).map(tuple),
            st.lists(texts, min_size=1, max_size=3).map("\n".join),
            st.lists(texts, max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


def write(exchange: Exchange) -> str:
    lines = []
    for turn in exchange.turns:
        wordings = [*turn.wordings, *(f"~{wording}" for wording in turn.held_out)]
        lines += ["<|user|>" + " | ".join(wordings), "<|bot|>" + turn.reply]
    return "\n".join(lines)


@settings(max_examples=50)
@given(st.lists(exchanges, max_size=3))
def test_what_is_written_is_read_again(some: list[Exchange]) -> None:
    assert parse("\n\n".join(write(exchange) for exchange in some)) == tuple(some)


def test_remarks_wordings_held_out_wordings_and_lines_are_told_apart() -> None:
    text = "# remark\n\n<|user|>A? | B? | ~C?\n<|bot|>One\ntwo.\n<|user|>D?\n<|bot|>E.\n"
    [exchange] = parse(text)
    assert exchange.turns == (
        Turn(("A?", "B?"), "One\ntwo.", ("C?",)),
        Turn(("D?",), "E."),
    )


@pytest.mark.parametrize("text", ["hello", "<|user|>A?", "x\n<|user|>A?\n<|bot|>B."])
def test_what_is_no_exchange_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        parse(text)


def test_every_reply_is_short() -> None:
    replies = [turn.reply for kind in kinds() for e in written(kind) for turn in e.turns]
    assert max(map(len, replies)) <= 96
    assert sum(len(reply) < 80 for reply in replies) > 0.98 * len(replies)


def test_a_question_alone_is_written_once() -> None:
    owners: dict[str, Exchange] = {}
    for kind in kinds():
        for exchange in written(kind):
            if len(exchange.turns) == 1:
                [turn] = exchange.turns
                for wording in (*turn.wordings, *turn.held_out):
                    assert owners.setdefault(question_key(wording), exchange) is exchange, wording


def test_some_exchanges_have_several_turns_and_some_replies_several_lines() -> None:
    every = [exchange for kind in kinds() for exchange in written(kind)]
    assert sum(len(exchange.turns) > 1 for exchange in every) >= 20
    assert sum("\n" in turn.reply for exchange in every for turn in exchange.turns) >= 5
