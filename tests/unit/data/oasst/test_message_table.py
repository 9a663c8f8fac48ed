"""Messages of trees, in columns and a file."""

from pathlib import Path

from lumina_cli.conversation import Message
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.nodes import NO_RANK, Node
from lumina_cli.data.report import Location

QUESTION = Node("q", None, "user", "Hello", "en", NO_RANK, left_out="")
ANSWER = Node("a", "q", "bot", "Hi!", "de", 0, left_out="")


def test_messages_and_their_locations_come_back() -> None:
    with MessageTable() as table:
        table.add(QUESTION, location=Location(Path("x"), 1))
        table.add(ANSWER, location=Location(Path("y"), 7))
        question, answer = table.columns()
        assert table.message(question, in_loss=True) == Message("user", "Hello")
        assert table.message(answer, in_loss=False) == Message("bot", "Hi!", in_loss=False)
        assert table.location(answer) == Location(Path("y"), 7)
        assert (len(table), table.langs()) == (2, ["en", "de"])


def test_columns_link_a_reply_to_its_parent() -> None:
    with MessageTable() as table:
        table.add(ANSWER, location=Location(Path("x"), 1))
        table.add(QUESTION, location=Location(Path("x"), 2))
        columns = table.columns()
        assert columns["parent"][0] == columns["id"][1]
        assert columns["has_parent"].tolist() == [True, False]
        assert columns["rank"].tolist() == [0, NO_RANK]


def test_a_message_that_is_left_out_is_not_read() -> None:
    with MessageTable() as table:
        table.add(QUESTION._replace(left_out="it was deleted"), location=Location(Path("x"), 1))
        assert table.columns()["is_read"].tolist() == [False]
