"""What a model reads of messages and texts, whose words they are, and what it learnt."""

from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Message
from lumina_cli.look.reading import read_messages, read_plain
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special
from tests.unit.look.conftest import CHARACTERS, SUBWORDS

TALK = [Message("user", "a?"), Message("bot", "b.")]


def test_only_what_the_bot_says_counts_where_only_that_was_learnt() -> None:
    pieces = read_messages(TALK, tokenizer=CHARACTERS, loss_on="bot").text().pieces
    assert [(p.label, p.speaker, p.counted) for p in pieces] == [
        ("<|begin|>", "text", False),
        ("<|user|>", "user", False),
        ("a", "user", False),
        ("?", "user", False),
        ("<|end|>", "user", False),
        ("<|bot|>", "bot", False),
        ("b", "bot", True),
        (".", "bot", True),
        ("<|end|>", "bot", True),
    ]


def test_what_everybody_says_counts_where_it_was_learnt() -> None:
    pieces = read_messages(TALK, tokenizer=CHARACTERS, loss_on="all").text().pieces
    assert [p.label for p in pieces if p.counted] == ["a", "?", "<|end|>", "b", ".", "<|end|>"]


def test_behind_the_users_words_the_bot_is_to_speak() -> None:
    reading = read_messages(TALK[:1], tokenizer=CHARACTERS, loss_on="bot")
    assert reading.ids[-2:] == [Special.END, Special.BOT]
    said = reading.with_reply(CHARACTERS.encode("b."))
    open_ended = read_messages(TALK, tokenizer=CHARACTERS, loss_on="bot", is_ended=False)
    assert said == open_ended


@given(st.text(max_size=20))
def test_the_pieces_joined_are_the_text_whatever_it_is(text: str) -> None:
    for tokenizer in (CHARACTERS, SUBWORDS):
        pieces = read_plain(text, tokenizer=tokenizer).text().pieces
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.label for piece in pieces)


def test_the_last_turn_is_the_last_that_has_words(tokenizer: Tokenizer) -> None:
    ended = read_messages(TALK, tokenizer=tokenizer, loss_on="bot")
    assert ended.last_turn() == ("b.", "bot")
    asked = read_messages(TALK[:1], tokenizer=tokenizer, loss_on="bot")
    assert asked.last_turn() == ("a?", "user")
    assert read_plain("abc", tokenizer=tokenizer).last_turn() == ("abc", "text")
    assert read_plain("", tokenizer=tokenizer).last_turn() == ("", "text")


def test_a_part_of_the_text_tells_what_is_left_out() -> None:
    text = read_plain("abcd", tokenizer=CHARACTERS).text(3)
    assert ([piece.text for piece in text.pieces], text.num_left_out) == (["c", "d"], 3)
