"""Where words come from: what is planted is found as it is, and nothing more."""

import pytest

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.look.source import code_points as module
from lumina_cli.look.source.view import Baseline, SourceView, TrainingText, find_source
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.source.test_code_points import encoded

PLANTED = "a bad cafe had a bad bed. Bedeck a ü facade."
FILLER = [PlainText("abcd efgh. dcba hgfe? ABC." * 3), PlainText("fed egg bag had. " * 9)]
TALK = Conversation((Message("user", "A cab?"), Message("bot", PLANTED)))


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_IDS", 37)


def training(tokenizer: Tokenizer, *, unseen: int = 0) -> TrainingText:
    learnt = [
        encoded(*FILLER, tokenizer=tokenizer),
        encoded(FILLER[1], TALK, FILLER[0], tokenizer=tokenizer),
    ]
    replies = [
        Conversation((Message("user", "a"), Message("bot", f"{n % 2 * PLANTED:.<60}")))
        for n in range(unseen)
    ]
    held_out = [encoded(*replies, tokenizer=tokenizer)] if unseen else []
    return TrainingText(learnt, held_out, ["book.txt"])


def looked_up(text: str, tokenizer: Tokenizer, *, unseen: int = 0) -> SourceView:
    where = training(tokenizer, unseen=unseen)
    return find_source(text, where, tokenizer=tokenizer, speaker="bot")


def test_a_planted_sentence_is_found_exactly(tokenizer: Tokenizer) -> None:
    view = looked_up(PLANTED, tokenizer)
    assert (view.is_known, view.is_whole, view.share) == (True, True, 1.0)
    (span,) = view.spans
    assert (span.start, span.end, span.text, span.num_found) == (0, 44, PLANTED, 1)
    (place,) = span.places
    assert place.speaker == "bot"
    assert place.before.endswith("A cab?<|end|><|bot|>")
    assert place.after.startswith("<|end|><|begin|>abcd")


def test_with_one_more_character_it_is_absent(tokenizer: Tokenizer) -> None:
    for more in ("h", "!", "é"):
        view = looked_up(PLANTED + more, tokenizer)
        assert view.is_whole is False
        assert [(span.start, span.end) for span in view.spans] == [(0, 44)]
        assert view.share == pytest.approx(44 / 45)


def test_words_in_another_place_of_the_reply_are_found_there(tokenizer: Tokenizer) -> None:
    view = looked_up("hgab " + PLANTED[5:30] + "Z" + PLANTED[20:40], tokenizer)
    assert [(span.start, span.text) for span in view.spans] == [
        (5, PLANTED[5:30]),
        (31, PLANTED[20:40]),
    ]
    assert view.share == pytest.approx(45 / 51)


def test_a_short_text_counts_only_as_a_whole(tokenizer: Tokenizer) -> None:
    assert looked_up("bad bed", tokenizer).is_whole is True
    view = looked_up("bad bee", tokenizer)
    assert (view.is_whole, view.share, view.spans, view.min_chars) == (False, 0.0, [], 7)


def test_it_is_compared_with_texts_as_long_that_were_never_seen(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_IDS", 1_000)
    view = looked_up(PLANTED, tokenizer, unseen=10)
    assert view.baseline == Baseline(share=0.5, whole_share=0.5, num_texts=10)
    assert looked_up(PLANTED, tokenizer, unseen=2).baseline is None


def test_words_of_others_are_no_baseline(tokenizer: Tokenizer) -> None:
    where = training(tokenizer, unseen=10)
    view = find_source(PLANTED, where, tokenizer=tokenizer, speaker="text")
    assert view.baseline is None


def test_where_the_training_text_is_gone_nothing_is_told(tokenizer: Tokenizer) -> None:
    gone = TrainingText([], [], [], "book.txt has changed since")
    view = find_source(PLANTED, gone, tokenizer=tokenizer, speaker="bot")
    assert (view.is_known, view.why_unknown) == (False, "book.txt has changed since")
    assert (view.share, view.is_whole, view.baseline, view.spans) == (None, None, None, [])
    assert any("Nothing can be told" in note for note in view.notes)


def test_no_words_are_looked_for_nowhere(tokenizer: Tokenizer) -> None:
    view = looked_up("", tokenizer)
    assert (view.is_known, view.why_unknown) == (False, "there are no words to look for")
    assert view.notes == []  # the training text is at hand
