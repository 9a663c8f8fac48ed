"""A session: what is shown is what is kept, and the model reads each turn once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from unicodedata import category

import pytest
import torch
from torch import Tensor

from lumina_cli.chat.commands import SetNumber, UseSampler
from lumina_cli.chat.session import Session
from lumina_cli.chat.session_file import SavedMessage
from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.decoder import Decoder
from lumina_cli.core.model.kv_cache import CacheWindow, KVCache
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.errors import DataError, LuminaError
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_prompt
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER

from .conftest import TOKENIZER, new_session


def answer(session: Session, text: str) -> str:
    return "".join(session.say(text))


def test_a_reply_is_what_the_model_says_after_the_prompt(model: Transformer) -> None:
    session = new_session(model, sampler="greedy")
    ids = encode_prompt([Message("user", "hello")], tokenizer=TOKENIZER)
    chunks = generate(
        Engine(model), ids, tokenizer=TOKENIZER, config=session.config, generator=torch.Generator()
    )
    raw = "".join(chunk.text for chunk in chunks)
    shown = answer(session, "hello")
    assert shown
    assert shown == "".join(c for c in raw if c in "\n\t" or category(c) != "Cc")


def test_what_was_shown_is_what_is_kept(session: Session) -> None:
    shown = answer(session, "hello")
    assert session.messages == [Message("user", "hello"), Message("bot", shown)]


def test_the_second_turn_does_not_read_the_first_again(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = count_reads(monkeypatch)
    session = new_session(model, max_chars=5, top_k=3, sampler="top-k")
    say_plainly(monkeypatch)
    answer(session, "abc")
    read.clear()
    answer(session, "de")
    # The reply's last character (it was said, not read), <|end|> <|user|> d e <|end|> <|bot|>.
    assert read[0] == 7
    assert read[1:] == [1] * 4


def say_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model say letters alone, so that nothing is stripped from what it said."""
    say_only(range(FIRST_CHARACTER + 1, TOKENIZER.vocab_size), monkeypatch, TOKENIZER.vocab_size)


def say_only(ids: Iterable[int], monkeypatch: pytest.MonkeyPatch, vocab_size: int) -> None:
    from lumina_cli.core.inference.sampling import utf8_mask

    bias = torch.full((6, vocab_size), -torch.inf)
    bias[:, list(ids)] = 0
    monkeypatch.setattr(utf8_mask.Utf8Mask, "bias", lambda self, state: bias[:1])
    monkeypatch.setattr(utf8_mask.Utf8Mask, "row", lambda self, state: bias[0].numpy())


def test_the_reply_does_not_depend_on_what_was_cached(model: Transformer) -> None:
    one, other = new_session(model, sampler="greedy"), new_session(model, sampler="greedy")
    answer(other, "something else")
    other.clear()
    assert [answer(one, "abc"), answer(one, "de")] == [answer(other, "abc"), answer(other, "de")]


def test_an_interrupted_reply_keeps_what_was_said(session: Session) -> None:
    reply = session.say("hello")
    shown = next(reply) + next(reply)
    reply.close()
    assert session.messages[-1] == Message("bot", shown)
    assert answer(session, "go on") == session.messages[-1].text


def test_control_characters_are_neither_shown_nor_kept(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wicked(*_: object, **__: object) -> Iterator[GenerationChunk]:
        yield from (GenerationChunk(c, 262, -1.0) for c in "a\x1b[2J\x9b\n\t  b\r")

    monkeypatch.setattr("lumina_cli.core.inference.text_model.generate", wicked)
    assert answer(session, "x") == "a[2J\n\t  b"
    assert session.messages[-1].text == "a[2J\n\t  b"


def test_retry_answers_the_same_message_with_other_draws(session: Session) -> None:
    first = answer(session, "hello")
    second = "".join(session.retry())
    assert second != first
    assert session.messages == [Message("user", "hello"), Message("bot", second)]


def test_undo_takes_back_one_turn(session: Session) -> None:
    answer(session, "one")
    kept = list(session.messages)
    answer(session, "two")
    assert session.undo() == "two"
    assert session.messages == kept
    assert session.undo() == "one"
    assert session.undo() is None


def test_undo_leaves_the_system_message(session: Session) -> None:
    session.set_system("be kind")
    answer(session, "one")
    session.undo()
    assert session.messages == [Message("system", "be kind")]
    assert session.undo() is None
    assert session.messages == [Message("system", "be kind")]


def test_clear_forgets_turns_and_keeps_the_system_message(session: Session) -> None:
    session.set_system("be kind")
    answer(session, "one")
    session.clear()
    assert session.messages == [Message("system", "be kind")]


def test_the_system_message_is_set_changed_and_removed(session: Session) -> None:
    answer(session, "one")
    session.set_system("a")
    session.set_system("b")
    assert [m.role for m in session.messages] == ["system", "user", "bot"]
    assert session.system == "b"
    session.set_system("")
    assert session.system == ""
    assert [m.role for m in session.messages] == ["user", "bot"]


def test_the_same_seed_gives_the_same_chat(model: Transformer) -> None:
    one, two = new_session(model, seed=5), new_session(model, seed=5)
    other = new_session(model, seed=6)
    lines = ["a", "b", "c"]
    assert [answer(one, x) for x in lines] == [answer(two, x) for x in lines]
    assert answer(other, "a") != one.messages[1].text


def test_setting_the_seed_starts_the_draws_anew(session: Session) -> None:
    session.change(SetNumber("seed", 3))
    first = answer(session, "a")
    session.clear()
    session.change(SetNumber("seed", 3))
    assert answer(session, "a") == first


def test_without_a_seed_each_session_has_its_own(model: Transformer) -> None:
    seeds = {new_session(model, seed=None).stats().seed for _ in range(5)}
    assert len(seeds) == 5


def test_a_restored_session_goes_on_exactly(model: Transformer) -> None:
    one = new_session(model, seed=None)
    one.set_system("be kind")
    one.change(SetNumber("temperature", 1.5))
    answer(one, "a")
    saved = one.saved()
    other = new_session(model, seed=99, sampler="greedy")
    answer(other, "something else")
    other.take_notices()
    other.restore(type(saved).model_validate_json(saved.model_dump_json()))
    assert other.take_notices() == []
    assert other.messages == one.messages
    assert [answer(other, x) for x in "bc"] == [answer(one, x) for x in "bc"]


def test_a_session_of_another_model_says_so(session: Session) -> None:
    session.restore(session.saved().model_copy(update={"model": "b" * 64}))
    assert "another model" in session.take_notices()[0]


def test_a_long_chat_goes_on_and_tells_once_what_it_forgets(model: Transformer) -> None:
    session = new_session(model)
    notices = []
    for n in range(12):
        answer(session, f"message {n} of many")
        notices += session.take_notices()
    assert len(notices) == 1
    assert "oldest turns" in notices[0]
    assert len(session.messages) == 24


def test_a_message_beyond_the_context_is_answered_and_told_once(model: Transformer) -> None:
    session = new_session(model)
    answer(session, "x" * 1_000_000)
    answer(session, "y" * 1_000)
    told = [notice for notice in session.take_notices() if "newest part" in notice]
    assert len(told) == 1


def test_a_reply_beyond_the_context_is_told_once(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_plainly(monkeypatch)
    session = new_session(model, max_chars=400)
    assert len(answer(session, "a")) == 400
    assert len(answer(session, "b")) == 400
    told = [notice for notice in session.take_notices() if "later half" in notice]
    assert len(told) == 1


def test_text_that_is_none_is_refused_and_changes_nothing(session: Session) -> None:
    answer(session, "a")
    before = list(session.messages)
    with pytest.raises(DataError):
        answer(session, "broken \ud800")
    assert session.messages == before


def test_drawn_candidates_are_other_replies_and_the_first_is_the_answer(
    model: Transformer,
) -> None:
    session = new_session(model, num_candidates=3)
    shown = answer(session, "a")
    assert len(set(session.candidates)) == 3
    assert session.candidates[0] == shown == session.messages[-1].text


def test_beam_candidates_are_the_best_replies(model: Transformer) -> None:
    session = new_session(model, sampler="beam", num_beams=4, num_candidates=3, max_chars=6)
    shown = answer(session, "a")
    assert len(session.candidates) == 3
    assert session.candidates[0] == shown
    session.change(UseSampler("greedy"))
    answer(session, "b")
    assert len(session.candidates) == 1


def test_probs_are_those_of_the_reply(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    say_plainly(monkeypatch)
    session = new_session(model, seed=2)
    shown = answer(session, "abc")
    probs = session.probs(num_top_probs=2)
    assert "".join(item.text for item in probs) == shown
    prompt = encode_prompt([Message("user", "abc")], tokenizer=TOKENIZER)
    with torch.inference_mode():
        expected = model(torch.tensor([prompt]))[0, -1].softmax(-1)
    [first_id] = TOKENIZER.encode(shown[0])
    assert probs[0].prob == pytest.approx(expected[first_id].item(), rel=1e-4)
    assert all(len(item.top_probs) == 2 for item in probs)


def test_a_character_of_several_bytes_has_one_probability(model: Transformer) -> None:
    session = new_session(model)
    messages = (SavedMessage(role="user", text="a"), SavedMessage(role="bot", text="€b"))
    session.restore(session.saved().model_copy(update={"messages": messages}))
    assert [item.text for item in session.probs()] == ["€", "b"]


def test_probs_are_of_the_pieces_that_were_drawn_also_of_an_earlier_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = BpeTokenizer("ab", [("a", "b"), ("b", "a")])
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=96)
    generator = torch.Generator().manual_seed(0)
    made = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator).eval()
    controls = range(FIRST_BYTE + 1, FIRST_BYTE + 5)
    say_only([*controls, *range(FIRST_CHARACTER, tokenizer.vocab_size)], monkeypatch, 266)
    drawn: list[list[int]] = []
    plain_stream = TextModel.stream

    def stream(self: TextModel, *args: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        drawn.append([])
        for chunk in plain_stream(self, *args, **kwargs):
            drawn[-1].append(chunk.id)
            yield chunk

    monkeypatch.setattr(TextModel, "stream", stream)
    draws = SamplingConfig(max_chars=30, seed=1, temperature=2.0, top_p=1)
    session = Session(TextModel(made, tokenizer=tokenizer), config=draws)
    for text in "ab":
        answer(session, text)
    for ids in (drawn[1], drawn[0]):
        reply = session.messages[-1].text
        assert len(reply) < len(tokenizer.decode(ids))  # control characters were left out
        pieces = [tokenizer.describe(id_) for id_ in ids if id_ not in controls]
        assert pieces != [tokenizer.describe(id_) for id_ in tokenizer.encode(reply)]
        assert [each.text for each in session.probs()] == pieces
        session.undo()


def test_stats_count_what_is_there(session: Session) -> None:
    shown = answer(session, "hello")
    stats = session.stats()
    assert (stats.turns, stats.reply_chars, stats.context_size) == (1, len(shown), 96)
    assert stats.context_ids > 8
    assert stats.chars_per_s > 0
    assert stats.seed == 1


def test_an_empty_session_has_nothing_to_show(model: Transformer) -> None:
    tokenizer = CharacterTokenizer(TOKENIZER.characters)
    session = Session(TextModel(model, tokenizer=tokenizer), config=SamplingConfig())
    assert session.probs() == []
    assert session.last_question is None
    assert session.stats().chars_per_s == 0


def interrupt_search(
    monkeypatch: pytest.MonkeyPatch, *, after: int, error: BaseException | None = None
) -> None:
    """Let the next searches stop when their beams were chosen so often."""
    whole_reorder, times = KVCache.reorder, iter(range(after))

    def reorder(self: KVCache, sources: Sequence[int], *, length: int) -> None:
        if next(times, None) is None:
            raise error or KeyboardInterrupt
        whole_reorder(self, sources, length=length)

    monkeypatch.setattr(KVCache, "reorder", reorder)


def test_an_interrupted_search_keeps_the_best_so_far(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(model, sampler="beam", num_beams=3, max_chars=50)
    say_plainly(monkeypatch)
    with monkeypatch.context() as patch:
        interrupt_search(patch, after=7)
        shown = []
        with pytest.raises(KeyboardInterrupt):
            shown.extend(session.say("b"))
    # What list.extend had taken before it was interrupted is the reply.
    assert len(session.messages[-1].text) == 8
    assert session.messages[-1] == Message("bot", "".join(shown))
    assert "best it had found" in session.take_notices()[0]
    fresh = new_session(model, sampler="beam", num_beams=3, max_chars=50)
    fresh.restore(session.saved())
    assert answer(session, "c") == answer(fresh, "c")


def test_a_search_that_fails_keeps_the_best_so_far(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(model, sampler="beam", num_beams=3, max_chars=50)
    say_plainly(monkeypatch)
    interrupt_search(monkeypatch, after=2, error=LuminaError("no numbers"))
    with pytest.raises(LuminaError):
        answer(session, "b")
    assert len(session.messages[-1].text) == 3


def fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model's next readings fail."""

    def failing(*_: object, **__: object) -> CacheWindow:
        raise LuminaError("no numbers")

    monkeypatch.setattr(KVCache, "window", failing)


@pytest.mark.parametrize("sampler", ["beam", "nucleus"])
def test_a_message_that_nothing_was_said_to_waits_for_an_answer(
    model: Transformer, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    session = new_session(model, sampler=sampler)
    first = answer(session, "a")
    with monkeypatch.context() as patch:
        fail(patch)
        with pytest.raises(LuminaError):
            answer(session, "b")
    before = [Message("user", "a"), Message("bot", first)]
    assert session.messages == [*before, Message("user", "b")]
    assert "/retry asks again" in session.take_notices()[0]
    session.restore(session.saved())
    second = "".join(session.retry())
    assert session.messages == [*before, Message("user", "b"), Message("bot", second)]


def test_another_message_takes_the_place_of_an_unanswered_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail(patch)
        with pytest.raises(LuminaError):
            answer(session, "b")
    shown = answer(session, "c")
    assert session.messages == [Message("user", "c"), Message("bot", shown)]


def test_a_retry_that_says_nothing_keeps_the_reply_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(session, "a")
    before = list(session.messages)
    fail(monkeypatch)
    with pytest.raises(LuminaError):
        list(session.retry())
    assert session.messages == before
    assert session.take_notices() == ["Nothing was said; the reply before stays."]


def test_a_search_beyond_the_context_is_told_once(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_plainly(monkeypatch)
    session = new_session(model, sampler="beam", num_beams=2, max_chars=91)
    answer(session, "a")  # <|begin|> <|user|> a <|end|> <|bot|> and 91 more fill 96
    assert session.take_notices() == []
    session = new_session(model, sampler="beam", num_beams=2, max_chars=93)
    answer(session, "a")
    answer(session, "b")
    told = [notice for notice in session.take_notices() if "later half" in notice]
    assert len(told) == 1


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by how many ids a new session's model reads, each time it does."""
    read: list[int] = []
    hidden = Decoder.hidden

    def counted(self: Decoder, idx: Tensor, cache: CacheWindow) -> Tensor:
        read.append(idx.size(1))
        return hidden(self, idx, cache)

    monkeypatch.setattr(Decoder, "hidden", counted)
    return read


def test_a_full_context_is_not_read_anew_for_each_question(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question takes 5 ids, the reply 7; of 96 a prompt may hold 72."""
    say_plainly(monkeypatch)
    read = count_reads(monkeypatch)
    session = new_session(model, max_chars=5)
    first_reads = []
    for letter in "abcdefghijklmnopqrst":
        read.clear()
        answer(session, letter + "bc")
        first_reads.append(read[0])
    # <|begin|>, n turns, the question, <|bot|>: 67 with five turns, 79 with six. Then three of
    # the six are kept: they make 43, and four make 55, more than 72 - 24. So each third
    # question from there is read with what stands before it (but <|begin|> and <|user|>), and
    # the others with the last character said, <|end|> and <|bot|> alone.
    assert first_reads[0] == 7
    assert first_reads[1:6] == [8] * 5
    assert first_reads[6::3] == [41] * 5
    assert first_reads[7::3] == [8] * 5
    assert first_reads[8::3] == [8] * 4


def test_candidates_do_not_push_out_the_reply_that_was_said(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_plainly(monkeypatch)
    read = count_reads(monkeypatch)
    session = new_session(model, max_chars=5, num_candidates=3)
    answer(session, "abc")
    read.clear()
    answer(session, "de")
    # The reply's last character, <|end|> <|user|> d e <|end|> <|bot|>, then four of five said;
    # and for each of two candidates the last id of the prompt and four of five said.
    assert read == [7, 1, 1, 1, 1] + 2 * [1, 1, 1, 1, 1]


def test_the_speed_of_a_reply_is_not_that_of_its_candidates(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(model, num_candidates=9)
    ticks = iter(range(1_000_000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))
    chunks = list(session.say("a"))
    assert session.stats().reply_seconds == len(chunks)


def test_a_reply_without_a_word_is_a_reply_and_is_told_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumina_cli.core.inference.text_model.generate", lambda *_, **__: iter(()))
    assert answer(session, "a") == answer(session, "b") == ""
    assert [message.role for message in session.messages] == ["user", "bot"] * 2
    [told] = session.take_notices()
    assert "without a word" in told
