"""What the starter corpus promises: one reply a question, and nothing held out is learnt."""

import gc
import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise

import pytest

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.starter.corpus import (
    FIRST_QUESTIONS,
    PLAIN_QUESTIONS,
    Question,
    conversations,
    is_right,
    questions,
)
from lumina_cli.data.starter.handwritten import kinds, written
from lumina_cli.data.starter.mix import MIX, SMALL_TALK

SEEDS = (0, 7)


@pytest.fixture(autouse=True, scope="module")
def _without_collector() -> Iterator[None]:
    """The corpora stay for the whole module: the collector would walk them again and again."""
    gc.disable()
    yield
    gc.enable()


@cache
def corpus(seed: int) -> list[Conversation]:
    return conversations(seed=seed)


@cache
def plainly(text: str) -> str:
    """A question without what a hasty typist leaves out, spelt the American way."""
    text = text.lower().replace("colour", "color").replace("favourite", "favorite")
    return " ".join("".join(c for c in text if c not in ".!?,'").split())


@cache
def talks(seed: int) -> list[list[tuple[str, str]]]:
    """The conversations as (question, reply), turn by turn."""
    texts = [[message.text for message in talk.messages] for talk in corpus(seed)]
    return [list(zip(said[::2], said[1::2], strict=True)) for said in texts]


@cache
def replies_to(seed: int) -> dict[str, list[str]]:
    """All replies to each question, as it was typed."""
    found = defaultdict(list)
    for talk in talks(seed):
        for asked, reply in talk:
            found[asked].append(reply)
    return found


def contexts(talk: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each reply with all that was said before it."""
    said: tuple[str, ...] = ()
    for asked, reply in talk:
        said += (plainly(asked),)
        yield said, reply
        said += (reply,)


def is_by_hand(part_name: str) -> bool:
    return part_name.startswith("written: ")


def test_one_seed_gives_one_corpus_and_another_seed_another() -> None:
    assert conversations(seed=0) == corpus(0)
    assert corpus(0) != corpus(7)
    assert questions(seed=0) == questions(seed=0)
    assert questions(seed=0) != questions(seed=7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_corpus_is_between_one_and_a_half_and_three_megabytes(seed: int) -> None:
    size_bytes = sum(
        len(message.text.encode()) for talk in corpus(seed) for message in talk.messages
    )
    assert 1_500_000 < size_bytes < 3_000_000


def test_the_package_data_is_below_300_kilobytes() -> None:
    folder = files("lumina_cli.data.starter")
    texts = [path for name in ("exchanges", "tables") for path in folder.joinpath(name).iterdir()]
    assert sum(len(path.read_bytes()) for path in texts) < 300_000


def test_there_are_enough_exchanges_and_families() -> None:
    assert sum(len(written(kind)) for kind in kinds()) >= 220
    assert len({part.family for part in MIX} - {SMALL_TALK}) >= 14


def test_every_written_kind_is_in_the_mix() -> None:
    in_mix = {part.name.removeprefix("written: ") for part in MIX if is_by_hand(part.name)}
    assert in_mix == set(kinds())


def test_over_a_third_of_the_text_is_written_by_hand() -> None:
    by_hand = sum(part.num_chars for part in MIX if is_by_hand(part.name))
    assert 0.33 < by_hand / sum(part.num_chars for part in MIX) < 0.4


def test_most_conversations_have_one_to_three_turns_and_many_have_several() -> None:
    lengths = [len(talk.messages) // 2 for talk in corpus(0)]
    assert sum(length <= 3 for length in lengths) > 0.95 * len(lengths)
    assert sum(length >= 2 for length in lengths) > 0.35 * len(lengths)


@pytest.mark.parametrize("seed", SEEDS)
def test_user_and_bot_take_turns_and_say_something(seed: int) -> None:
    for talk in corpus(seed):
        assert [m.role for m in talk.messages] == ["user", "bot"] * (len(talk.messages) // 2)
        assert all(m.text == m.text.strip() != "" and m.in_loss for m in talk.messages)


def test_text_is_in_nfc_without_control_characters_in_a_small_alphabet() -> None:
    alphabet = {c for talk in corpus(0) for message in talk.messages for c in message.text}
    text = "".join(sorted(alphabet - {"\n"}))
    assert unicodedata.normalize("NFC", text) == text
    assert not any(unicodedata.category(c).startswith("C") for c in text)
    assert alphabet <= set(string.ascii_letters + string.digits + " \n!'+,-.:?")


@pytest.mark.parametrize("seed", SEEDS)
def test_one_context_has_one_reply(seed: int) -> None:
    replies = defaultdict(set)
    for talk in talks(seed):
        for context, reply in contexts(talk):
            replies[context].add(reply)
    assert {context: found for context, found in replies.items() if len(found) > 1} == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_held_out_question_is_never_learnt_from(seed: int) -> None:
    """Alone it is nowhere in the corpus; where it leans on a turn, never after that turn."""
    alone = {plainly(asked) for asked in replies_to(seed)}
    after = {
        (before[1], plainly(asked)) for talk in talks(seed) for before, (asked, _) in pairwise(talk)
    }
    whole = {context for talk in talks(seed) for context, _ in contexts(talk)}
    held = [q for other in range(3) for q in questions(seed=other)]
    for question in held:
        *before, asked = question.conversation.messages
        said = tuple(plainly(m.text) if m.role == "user" else m.text for m in before)
        assert (*said, plainly(asked.text)) not in whole
        if question.family not in ("names", "favourites"):
            is_leaning = plainly(asked.text) in alone
            assert not is_leaning or (before[-1].text, plainly(asked.text)) not in after
            assert not is_leaning or question.family == SMALL_TALK


def test_every_family_has_held_out_questions_and_learns_from_many_more() -> None:
    num_held_out: dict[str, int] = defaultdict(int)
    for question in questions(seed=0):
        num_held_out[question.family] += 1
    assert set(num_held_out) == {part.family for part in MIX}
    assert all(12 <= count <= 40 for count in num_held_out.values())
    for part in MIX:
        learnt = sum(len(e.turns[-1].wordings) for e in part.exchanges() if e.is_trained)
        held_out = sum(len(turn.held_out) for e in part.exchanges() for turn in e.turns)
        assert learnt > held_out, part.name


def test_about_400_questions_are_held_out_some_of_them_later_in_a_talk() -> None:
    asked = questions(seed=0)
    lengths = [len(question.conversation.messages) for question in asked]
    assert 350 <= len(asked) <= 450
    assert lengths.count(3) >= 50
    assert lengths.count(5) >= 5


def test_a_question_ends_with_the_user_and_has_an_answer() -> None:
    for question in questions(seed=0):
        assert question.conversation.messages[-1].role == "user"
        assert question.answers
        assert all(answer.strip() for answer in question.answers)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hello", "Hello! How are you today?"),
        ("What is your name?", "My name is Lumina."),
        ("What comes after Tuesday?", "Wednesday comes after Tuesday."),
        ("What is 3 plus 4?", "3 plus 4 is 7."),
    ],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_plain_question_is_learnt_often_and_with_one_reply(
    text: str, reply: str, seed: int
) -> None:
    assert text in PLAIN_QUESTIONS
    replies = replies_to(seed)[text]
    assert len(replies) >= 40
    assert set(replies) == {reply}


def test_what_a_newcomer_types_first_is_learnt_however_it_is_typed() -> None:
    forms: dict[str, set[str]] = defaultdict(set)
    times: dict[str, int] = defaultdict(int)
    for text, replies in replies_to(0).items():
        forms[plainly(text)].add(text)
        times[plainly(text)] += len(replies)
    for text in FIRST_QUESTIONS:
        assert times[plainly(text)] >= 20, text
        assert text in forms[plainly(text)]
        assert text.lower().rstrip("?!.") in forms[plainly(text)]


@pytest.mark.parametrize(
    "text",
    ["hi", "how are you", "who are you", "tell me a joke", "what can you do", "bye", "thanks",
     "what is 2+2", "what is 2 + 2?", "i am sad", "what's your name", "whats your name",
     "good morning", "are you human", "do you like music", "what day comes after monday"],
)  # fmt: skip
def test_the_usual_first_lines_are_learnt_as_they_stand(text: str) -> None:
    assert text in replies_to(0)


def test_a_name_once_told_is_never_unknown_later() -> None:
    for talk in talks(0):
        replies = [reply for _, reply in talk]
        if any("I do not know your name" in reply for reply in replies):
            assert len(replies) == 1


def test_a_reply_is_right_whatever_its_case_and_final_mark() -> None:
    asked = Conversation((Message("user", "What is 3 plus 4?"),))
    question = Question("sums", asked, ("3 plus 4 is 7.",))
    assert is_right("3 plus 4 is 7.", question)
    assert is_right(" 3 Plus 4 is 7 \n", question)
    assert not is_right("3 plus 4 is 8.", question)
    assert not is_right("7", question)
    assert not is_right("", question)
