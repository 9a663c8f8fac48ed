"""Rows of messages, by hand."""

from typing import Any

import pytest

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.uniform.messages import UniformMessages
from tests.unit.data.uniform.reading_alone import read_alone

TURNS = [{"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}]


def read(*rows: dict[str, Any]) -> Any:
    found = UniformMessages(read_alone).read(rows, tuple(rows[0]))
    return found and (found[0], list(found[1].documents()))


def test_messages_keep_their_speakers_and_their_number() -> None:
    one = [{"role": "assistant", "content": "x"}]
    assert read({"messages": TURNS, "id": 1}, {"messages": one, "id": None}) == (
        "messages",
        [
            Conversation((Message("system", "s"), Message("bot", "a"))),
            Conversation((Message("bot", "x"),)),
        ],
    )


def test_the_text_may_stand_before_the_role() -> None:
    row = {"conversations": [{"value": "v", "from": "gpt"}]}
    assert read(row) == ("sharegpt", [Conversation((Message("bot", "v"),))])


@pytest.mark.parametrize(
    "turns",
    [
        [],
        "text",
        [TURNS[0]],
        [{"role": "assistant", "content": " "}],
        [{"role": "tool", "content": "x"}, TURNS[1]],
        [{"role": "nobody", "content": "x"}, TURNS[1]],
        [{"role": "assistant", "content": "x", "name": "y"}],
        [{"role": "assistant", "content": ["x"]}],
        ["a", "b"],
    ],
    ids=str,
)
def test_other_lists_are_read_one_by_one(turns: object) -> None:
    assert read({"messages": TURNS}, {"messages": turns}) is None


def test_a_list_beside_other_text_is_read_one_by_one() -> None:
    assert read({"messages": TURNS, "notes": "three words here"}) is None
