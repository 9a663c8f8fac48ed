"""What the model reads of a conversation, id by id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.chat.context import fit_context
from lumina_cli.conversation import Message
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_prompt

TOKENIZER = CharacterTokenizer("abcdefgh")


def turns(*texts: str) -> list[Message]:
    return [Message("bot" if n % 2 else "user", text) for n, text in enumerate(texts)]


def prompt(messages: list[Message]) -> list[int]:
    return encode_prompt(messages, tokenizer=TOKENIZER)


def test_all_that_fits_is_read() -> None:
    messages = [Message("system", "h"), *turns("a", "b", "c")]
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=14)
    assert context.ids == prompt(messages)
    assert (context.turns_dropped, context.is_cut) == (0, False)


def test_one_id_less_and_the_oldest_whole_turn_goes() -> None:
    messages = turns("a", "b", "c", "d", "e")
    assert len(prompt(messages)) == 17
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=16)
    assert context.ids == prompt(turns("c", "d", "e"))
    assert (context.turns_dropped, context.is_cut) == (1, False)


def test_the_system_message_stays() -> None:
    system = Message("system", "h")
    context = fit_context([system, *turns("a", "b", "c")], tokenizer=TOKENIZER, max_ids=13)
    assert context.ids == prompt([system, *turns("c")])


def test_no_turn_is_skipped_for_an_older_one_that_would_fit() -> None:
    messages = turns("a", "b", "c" * 50, "d", "e")
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=30)
    assert context.ids == prompt(turns("e"))
    assert context.turns_dropped == 2


def test_of_a_message_longer_than_all_the_newest_part_is_read() -> None:
    context = fit_context(turns("abcdefgh"), tokenizer=TOKENIZER, max_ids=8)
    assert context.ids == prompt(turns("efgh"))
    assert context.is_cut


def test_no_half_character_is_read() -> None:
    context = fit_context(turns("€€€"), tokenizer=TOKENIZER, max_ids=9)  # room for 5 of 9 bytes
    assert context.ids == prompt(turns("€"))
    assert context.is_cut


def test_a_long_system_message_leaves_half_of_the_room() -> None:
    messages = [Message("system", "ab" * 50), *turns("cdef")]
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=20)
    assert context.ids == prompt([Message("system", "abababab"), *turns("cdef")])
    assert context.is_cut


@given(
    st.lists(st.text(alphabet="ab€😀", max_size=12), min_size=1, max_size=9),
    st.text(alphabet="ab€", max_size=30),
    st.integers(6, 60),
)
def test_a_prompt_always_fits_a_context_with_a_quarter_more(
    texts: list[str], system: str, max_ids: int
) -> None:
    texts = texts[: len(texts) - 1 + len(texts) % 2]  # the last one is the user's
    messages = [Message("system", system)] * bool(system) + turns(*texts)
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=max_ids)
    assert len(context.ids) <= max(max_ids, 8)
    assert "\ufffd" not in TOKENIZER.decode(context.ids)
    whole = prompt(messages)
    if len(whole) <= max_ids and (not system or len(system.encode()) + 2 <= max_ids // 2):
        assert context.ids == whole


def test_when_turns_must_go_room_is_made_for_those_that_follow() -> None:
    messages = turns(*"abcdefg")  # 6 ids a turn, 5 for the rest
    dropped = [
        fit_context(messages[:n], tokenizer=TOKENIZER, max_ids=17, spare_ids=6).turns_dropped
        for n in (1, 3, 5, 7)
    ]
    # 5, 11 and 17 ids fit; 23 don't: 17 would, but 11 leave room for another turn.
    assert dropped == [0, 0, 0, 2]


def test_what_made_room_once_stays_out() -> None:
    messages = turns("a", "b", "c" * 12, "d", "e")
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=17)
    # The long question did not fit beside the first turn, and its turn not beside the last.
    assert context.ids == prompt(turns("e"))
    messages = turns("a", "b", "c" * 8, "d", "e")
    context = fit_context(messages, tokenizer=TOKENIZER, max_ids=18)
    assert context.ids == prompt(turns("c" * 8, "d", "e"))


def test_a_megabyte_is_cut_at_once() -> None:
    context = fit_context(
        turns("a" * 1_000_000, "b", "c" * 1_000_000), tokenizer=TOKENIZER, max_ids=72
    )
    assert len(context.ids) == 72


@pytest.mark.parametrize("messages", [[], turns("a", "b")])
def test_there_must_be_something_to_answer(messages: list[Message]) -> None:
    with pytest.raises(AssertionError):
        fit_context(messages, tokenizer=TOKENIZER, max_ids=20)
