"""Messages between people as conversations."""

from typing import Any

from lumina_cli.conversation import Conversation
from lumina_cli.data.chats import conversations as module
from lumina_cli.data.chats.conversations import Conversations
from lumina_cli.data.chats.message import ChatMessage
from lumina_cli.data.report import ReadReport
from tests.unit.data.chats.chatting import message
from tests.unit.data.reading import counts, said

HOUR = 3600.0


def talk(
    messages: list[ChatMessage], *, bots: tuple[str, ...] = ("Ben",), gap_s: float | None = 6 * HOUR
) -> tuple[list[Any], ReadReport]:
    report = ReadReport()
    collected = Conversations(bots=bots, gap_s=gap_s, report=report)
    documents: list[Conversation] = []
    for each in messages:
        documents += (conversation for _, conversation in collected.push(each))  # type: ignore[misc]
    documents += (conversation for _, conversation in collected.finish())  # type: ignore[misc]
    return [said(document) for document in documents], report


def test_one_speaker_is_the_bot_and_everyone_else_the_user() -> None:
    found, report = talk([message("Anna", "a"), message("Eve", "b"), message("ben ", "c")])
    assert found == [[("user", "a"), ("user", "b"), ("bot", "c")]]
    assert report.speakers == {"Anna": 1, "Eve": 1, "ben ": 1}


def test_several_speakers_may_be_the_bot() -> None:
    found, _ = talk(
        [message("Anna", "a"), message("Eve", "b"), message("Ben", "c")], bots=("BEN", "Eve")
    )
    assert found == [[("user", "a"), ("bot", "b"), ("bot", "c")]]


def test_messages_in_a_row_by_one_speaker_are_joined() -> None:
    found, _ = talk([message("Anna", "a"), message("Anna", "b"), message("Ben", "c")])
    assert found == [[("user", "a\nb"), ("bot", "c")]]


def test_a_pause_begins_a_new_conversation() -> None:
    times = [0.0, HOUR, 7 * HOUR, 13 * HOUR + 1]
    speakers = ["Anna", "Ben", "Anna", "Ben"]
    messages = [message(who, who[0], time) for who, time in zip(speakers, times, strict=True)]
    assert len(talk(messages)[0]) == 2
    assert len(talk(messages, gap_s=HOUR / 2)[0]) == 2  # Anna alone is none
    assert talk(messages, gap_s=None)[0] == [
        [("user", "A"), ("bot", "B"), ("user", "A"), ("bot", "B")]
    ]


def test_the_newest_first_is_turned_round_conversation_by_conversation() -> None:
    times = [(30.2, "Ben", "d"), (30.1, "Anna", "c"), (1.1, "Ben", "b"), (1.0, "Anna", "a")]
    found, _ = talk([message(who, text, hour * HOUR) for hour, who, text in times])
    assert found == [[("user", "c"), ("bot", "d")], [("user", "a"), ("bot", "b")]]


def test_messages_of_the_same_minute_keep_the_order_of_the_thread() -> None:
    later = [message("Ben", "d", 90.0), message("Anna", "c", 30.0)]
    same = [message("Ben", "b", -90_000.0), message("Anna", "a", -90_000.0)]
    found, _ = talk(later + same)
    assert found == [[("user", "c"), ("bot", "d")], [("user", "a"), ("bot", "b")]]


def test_threads_stand_side_by_side() -> None:
    order = [("Anna", "a", "1"), ("Eve", "x", "2"), ("Ben", "b", "1"), ("Ben", "y", "2")]
    found, _ = talk([message(who, text, thread=thread) for who, text, thread in order])
    assert found == [[("user", "a"), ("bot", "b")], [("user", "x"), ("bot", "y")]]


def test_conversations_without_the_bot_are_counted() -> None:
    found, report = talk([message("Anna", "a"), message("Eve", "b")])
    assert found == []
    assert counts(report.left_out) == {"the bot says nothing in the conversation": 2}


def test_a_bot_that_talks_to_nobody_is_told() -> None:
    found, report = talk([message("Ben", "a")])
    assert found == [[("bot", "a")]]
    assert counts(report.notices) == {"the bot talks to nobody in the conversation": 1}


def test_names_of_roles_count_where_nobody_is_named() -> None:
    messages = [message("Q", "a", role="user"), message("A", "b", role="bot")]
    assert talk(messages, bots=())[0] == [[("user", "a"), ("bot", "b")]]
    assert talk(messages, bots=("Q",))[0] == [[("bot", "a"), ("user", "b")]]


def test_memory_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MAX_CHARS", 10)
    monkeypatch.setattr(module, "MAX_OPEN_CHARS", 30)
    found, report = talk([message(who, "xxxx") for who in ["Anna", "Ben"] * 10], gap_s=None)
    assert len(found) == 10
    assert sum(counts(report.notices).values()) == 9
    many = [message(who, "xxxx", thread=str(n)) for n in range(20) for who in ("Anna", "Ben")]
    assert len(talk(many)[0]) == 20
