"""Looking into models that were trained a little, on characters and on subwords."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import UsageError
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.look.matters import MattersView
from lumina_cli.look.next_character import NextView
from lumina_cli.look.source.view import SourceView
from lumina_cli.look.surprise import SurpriseView
from lumina_cli.look.views import OverviewView, to_json
from lumina_cli.recipes.infer.evaluate import evaluate_model
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.look.compare import compare
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.recipes.look.reply import explain_last_reply
from lumina_cli.recipes.look.request import parse_request
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import EVAL_DEFAULTS, TRAIN_CONFIGS, resolve_settings

SHAPE = {"hidden_size": 16, "num_layers": 2, "num_heads": 2, "seq_length": 48, "batch_size": 8}
CHAT = "".join(
    f"<|user|>where is cat {n}\n<|bot|>the cat is on the mat, naïve {n % 7}\n\n" for n in range(80)
)
TALK = [
    {"role": "user", "text": "where is cat 3"},
    {"role": "bot", "text": "the cat is on the mat, naïve 3"},
]


@pytest.fixture(scope="module", params=["characters", "bpe"])
def home(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A folder with a model and the text that it learnt."""
    if request.param == "bpe":
        pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "chat.txt").write_text(CHAT, encoding="utf-8")
    flags = {**SHAPE, "max_steps": 3, "num_evals": 1, "min_char_count": 200}
    flags |= {"tokenizer": "bpe", "vocab_size": 300} if request.param == "bpe" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUMINA_CACHE_DIR", str(folder / "cache"))
        settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
        list(pretrain(settings, data=[folder / "chat.txt"], out=folder / "Model.pth").run())
        yield folder


@pytest.fixture(autouse=True)
def _own_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(home / "cache"))


def opened(path: Path, **flags: Any) -> Looker:
    return Looker(open_model(path, flags={"engine": "torch", "max_chars": 20, **flags}, environ={}))


@pytest.fixture
def looker(home: Path) -> Looker:
    return opened(home / "Model.pth")


def test_the_mean_surprise_is_what_eval_tells_of_the_same_text(home: Path, looker: Looker) -> None:
    """Of a conversation of several turns that is longer than the context."""
    messages = [*TALK, {"role": "user", "text": "ünd cat?"}, {"role": "bot", "text": "on the mat."}]
    row = {"messages": [{"role": m["role"], "content": m["text"]} for m in messages]}
    (home / "talk.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    settings = resolve_settings(
        (DataConfig, ComputeConfig, EngineConfig),
        flags={"engine": "torch"},
        environ={},
        base=EVAL_DEFAULTS,
    )
    report = evaluate_model(home / "Model.pth", data=[home / "talk.jsonl"], settings=settings)
    view = looker.look(parse_request({"view": "surprise", "messages": messages}))
    assert isinstance(view, SurpriseView)
    assert view.num_chars == report.evaluation.characters
    assert view.nats_per_char == pytest.approx(report.evaluation.nats_per_char, abs=1e-5)


def test_a_sentence_of_the_training_text_is_found_and_one_it_never_had_is_not(
    looker: Looker,
) -> None:
    view = looker.look(parse_request({"view": "source", "messages": TALK}))
    assert isinstance(view, SourceView)
    assert (view.is_known, view.is_whole, view.speaker) == (True, True, "bot")
    assert view.spans[0].num_found >= 5
    assert view.baseline is not None
    assert view.baseline.num_texts >= 5
    other = [TALK[0], {"role": "bot", "text": "the cat is on the mat, naïve 3!"}]
    changed = looker.look(parse_request({"view": "source", "messages": other}))
    assert isinstance(changed, SourceView)
    assert changed.is_whole is False


def test_a_text_that_has_changed_since_is_not_looked_in(home: Path, tmp_path: Path) -> None:
    before = (home / "chat.txt").read_text(encoding="utf-8")
    (home / "chat.txt").write_text(before + "x", encoding="utf-8")
    try:
        view = opened(home / "Model.pth").look(parse_request({"view": "source", "messages": TALK}))
    finally:
        (home / "chat.txt").write_text(before, encoding="utf-8")
    assert isinstance(view, SourceView)
    assert view.is_known is False
    assert "it has changed since" in view.why_unknown
    assert "--replay" not in view.why_unknown


def test_a_reply_is_drawn_as_in_the_chat_and_the_same_each_time(home: Path, looker: Looker) -> None:
    request = {"view": "surprise", "messages": TALK[:1], "draw_reply": True}
    request["sampling"] = {"temperature": 1.5, "top_p": 1.0}
    first, second = looker.answer(request), looker.answer(request)
    assert first == second
    session = open_model(
        home / "Model.pth", flags={"seed": 0, "temperature": 1.5, "top_p": 1, "max_chars": 20},
        environ={},
    ).session()  # fmt: skip
    said = "".join(session.say(TALK[0]["text"]))
    pieces = first["text"]["pieces"]
    reply = "".join(piece["text"] for piece in pieces if piece["speaker"] == "bot")
    assert strip_controls(reply).startswith(said)
    other = looker.answer({**request, "sampling": {"temperature": 1.5, "top_p": 1.0, "seed": 5}})
    assert other != first


def test_the_same_file_twice_is_identical_and_another_is_not(home: Path, looker: Looker) -> None:
    for name in ("overview", "heads"):
        request = parse_request({"view": name, "messages": TALK[:1], "draw_reply": True})
        assert compare(looker, opened(home / "Model.pth"), request).is_identical
    other = opened(home / "Model.pth", temperature=1.9, top_p=1)
    view = compare(looker, other, parse_request({"view": "next", "messages": TALK[:1]}))
    assert not view.is_identical
    assert to_json(view)["left"]["shown"]["view"] == "next"


def test_the_piece_that_is_meant_is_named_by_its_words_or_number(looker: Looker) -> None:
    for at, begins in (("mat", "mat, naïve 3"), ("5", "cat is on the mat, naïve 3"), ("naï", "na")):
        view = looker.look(parse_request({"view": "matters", "messages": TALK, "at": at}))
        assert isinstance(view, MattersView)
        piece = view.text.pieces[view.target]
        rest = "".join(p.text for p in view.text.pieces[view.target :])
        assert begins in rest
        assert len(rest) - len(piece.text) < rest.index(begins) + len(begins) + len(piece.text) + 8
        assert rest.index(begins) < max(1, len(piece.text))


def test_by_default_it_is_the_one_least_sure_of(looker: Looker) -> None:
    surprise = looker.look(parse_request({"view": "surprise", "messages": TALK}))
    view = looker.look(parse_request({"view": "matters", "messages": TALK}))
    assert isinstance(surprise, SurpriseView)
    assert isinstance(view, MattersView)
    assert view.target + view.text.num_left_out == surprise.least_sure[0]


def test_the_overview_holds_the_views_of_one_reply(looker: Looker) -> None:
    view = looker.look(parse_request({"messages": TALK}))
    assert isinstance(view, OverviewView)
    assert isinstance(view.next, NextView)
    assert view.next.text.pieces[-1].label == "<|bot|>"
    assert view.matters is not None
    assert view.source is not None
    assert view.source.asked == TALK[1]["text"]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"view": "nonsense"}, "view:"),
        ({"view": "next", "tempo": 1}, "tempo:"),
        ({"view": "next", "sampling": {"temperature": 9}}, "temperature:"),
        ({"view": "matters"}, "no text"),
        ({"view": "matters", "text": "cat", "at": 99}, "no place 99"),
        ({"view": "matters", "text": "cat", "at": "dog"}, "'dog' does not stand in 'cat'"),
        ({"view": "heads", "text": "cat", "off": [[7, 0]]}, "no head 8.1"),
        ({"view": "surprise", "text": "a" * 100_001}, "100,001 characters"),
    ],
)
def test_what_can_not_be_meant_is_told(looker: Looker, request_: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        looker.answer(request_)


def test_a_model_in_bf16_is_not_looked_into(home: Path) -> None:
    with pytest.raises(UsageError, match="fp32"):
        opened(home / "Model.pth", precision="bf16")


def test_the_last_reply_of_a_chat_is_explained_as_it_was_drawn(home: Path) -> None:
    flags = {"max_chars": 20, "seed": 3, "engine": "torch"}
    session = open_model(home / "Model.pth", flags=flags, environ={}).session()
    assert explain_last_reply(session) is None
    said = "".join(session.say("where is cat 3"))
    view = explain_last_reply(session, at="1")
    assert view is not None
    assert said.startswith(view.text.pieces[view.target].text.lstrip("\ufffd")) or not said
    assert view.text.pieces[view.target - 1].label == "<|bot|>"
