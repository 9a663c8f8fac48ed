"""The types that all text goes through."""

import dataclasses
from typing import get_args

import pytest

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message, PlainText, Role


def test_the_names_of_data_sets_lead_to_the_three_roles() -> None:
    by_hand = {
        "system": "system",
        **dict.fromkeys(["prompter", "user", "human"], "user"),
        **dict.fromkeys(["assistant", "bot", "gpt", "model", "ai", "chatgpt"], "bot"),
    }
    assert by_hand.items() <= ROLE_NAMES.items()
    assert all(name == name.lower() for name in ROLE_NAMES)
    assert set(ROLE_NAMES.values()) == set(get_args(Role))


def test_what_was_said_can_not_be_changed() -> None:
    message = Message("user", "hi")
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.text = "ho"  # type: ignore[misc]


def test_a_message_counts_and_a_text_is_whole_unless_it_is_said() -> None:
    assert Message("user", "hi").in_loss
    assert Conversation(()).group is None
    assert (PlainText("a").starts, PlainText("a").ends) == (True, True)
