"""`lumina look`: a request for a view, the text it is about, and the view of it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lumina_cli.conversation import Message, Role
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.seeding import make_generator
from lumina_cli.errors import UsageError
from lumina_cli.io.folders.run_names import model_name
from lumina_cli.look.characters import characters
from lumina_cli.look.heads import heads
from lumina_cli.look.layers import layers
from lumina_cli.look.matters import matters
from lumina_cli.look.next_character import next_character
from lumina_cli.look.reading import Reading, read_messages, read_plain
from lumina_cli.look.source.view import TrainingText, find_source
from lumina_cli.look.surprise import surprise
from lumina_cli.look.views import CompareView, ModelFacts, OverviewView, Side, View, to_json
from lumina_cli.recipes.finetune.replay import open_learnt_texts
from lumina_cli.recipes.infer.loaded_model import LoadedModel
from lumina_cli.tokenizer.chat_format import LossOn
from lumina_cli.tokenizer.special_ids import Special, is_special

ViewName = Literal[
    "overview", "next", "surprise", "matters", "source", "layers", "heads", "characters"
]
MAX_CHARS = 100_000
SEED = 0
"""Of a reply that is drawn to be looked at, where none is set: the same each time."""

NOT_AT_HAND = "it tells of no text that it learnt from"
SAME = "Both show the same, to the last digit."
_WITH_REPLY = {"overview", "surprise", "matters", "source", "layers", "heads"}


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LookMessage(_Plain):
    """A message of the conversation that is looked at."""

    role: Role
    text: str


class LookRequest(_Plain):
    """What to look at, and how.

    Attributes:
        view: which view.
        messages: a conversation, or
        text: a plain text.
        is_ended: whether a last message of the bot's, or the text, is whole; by default the
            message is, the text is not.
        draw_reply: whether the model replies first, where the last message is not the bot's.
        at: the piece that is explained or predicted: its place in the whole text, counted from
            0, or a text that begins there (or the number, from 1, of a character) in the last
            turn. By default the one that the model was least sure of.
        sampling: settings over the model's own.
        off: heads that are switched off, layer and head from 0.
        with_maps, with_logits: what is large, on request.
        characters: those to compare, all where there are none.
    """

    view: ViewName = "overview"
    messages: list[LookMessage] = Field(default=[], max_length=1_000)
    text: str = ""
    is_ended: bool | None = None
    draw_reply: bool = False
    at: int | Annotated[str, Field(min_length=1)] | None = None
    sampling: dict[str, Any] = {}
    off: list[tuple[int, int]] = []
    with_maps: bool = False
    with_logits: bool = False
    characters: str = ""


class Looker:
    """Looks into one model; it may do so while the model generates elsewhere.

    Args:
        loaded: the model, in fp32.

    Raises:
        UsageError: it computes in another precision.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        if loaded.file.model.wte.weight.dtype != torch.float32:
            raise UsageError(
                "lumina look computes in fp32 alone", hint="Leave --precision out, or: fp32"
            )
        self.loaded = loaded
        self.model, self.tokenizer = loaded.file.model, loaded.file.tokenizer

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the view that plain values ask for, as plain values.

        Raises:
            UsageError: the request can't be meant.
        """
        return to_json(self.look(parse_request(request)))

    def look(self, request: LookRequest) -> View:
        """Return a view. Raises UsageError where there is nothing to look at."""
        if request.view == "characters":
            return characters(self.model, self.tokenizer, chosen=request.characters)
        return self.look_at(self.reading(request), request)

    def look_at(self, reading: Reading, request: LookRequest) -> View:
        """Return the view of a text."""
        match request.view:
            case "next":
                config = self._sampling(request)
                return next_character(
                    self.model, reading, config=config, with_logits=request.with_logits
                )
            case "surprise":
                return surprise(self.model, reading)
            case "matters":
                target = self._place(reading, request)
                return matters(self.model, reading, target=min(target, len(reading) - 1))
            case "source":
                asked, speaker = reading.last_turn()
                tokenizer = self.tokenizer
                return find_source(asked, self.training, tokenizer=tokenizer, speaker=speaker)
            case "layers":
                return layers(self.model, reading)
            case "heads":
                return heads(
                    self.model,
                    reading,
                    position=self._place(reading, request) - 1,
                    off=self._heads(request.off),
                    with_maps=request.with_maps,
                )
            case "overview":
                return self._overview(reading, request)
        raise AssertionError(request.view)

    @cached_property
    def training(self) -> TrainingText:
        """What the model learnt from, as far as it can be read and is what it was."""
        texts, errors = open_learnt_texts(self.loaded.file.metadata, tokenizer=self.tokenizer)
        train = [text for each in texts for text in each.train]
        why = "" if train else "; ".join(error.message for error in errors) or NOT_AT_HAND
        return TrainingText(
            train,
            [text for each in texts for text in each.validation],
            [name for each in texts for name in each.names],
            why,
        )

    @property
    def facts(self) -> ModelFacts:
        """Which model it is."""
        config, file = self.model.config, self.loaded.file
        return ModelFacts(
            name=model_name(self.loaded.card.path),
            digest=file.digest,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            hidden_size=config.hidden_size,
            seq_length=config.seq_length,
            vocab_size=self.tokenizer.vocab_size,
            loss_on=self._loss_on,
            is_chatbot=self.is_chatbot,
        )

    @property
    def is_chatbot(self) -> bool:
        """Whether it learnt from conversations."""
        return bool(self.loaded.file.metadata.get("conversations"))

    def reading(self, request: LookRequest) -> Reading:
        """Return the text that is looked at, with a reply where one is to be drawn."""
        if not request.messages:
            _refuse_long(request.text)
            is_ended = bool(request.is_ended)
            return read_plain(request.text, tokenizer=self.tokenizer, is_ended=is_ended)
        messages = [Message(message.role, message.text) for message in request.messages]
        _refuse_long("".join(message.text for message in messages))
        reading = read_messages(
            messages,
            tokenizer=self.tokenizer,
            loss_on=self._loss_on,
            is_ended=request.is_ended is not False,
        )
        if request.draw_reply and messages[-1].role != "bot" and request.view in _WITH_REPLY:
            reading = reading.with_reply(self._draw(reading, config=self._sampling(request)))
        return reading

    @property
    def _loss_on(self) -> LossOn:
        return "all" if self.loaded.file.metadata.get("loss_on") == "all" else "bot"

    def _draw(self, reading: Reading, *, config: SamplingConfig) -> Sequence[int]:
        if config.sampler == "beam":
            search = self.loaded.text_model().beam_search(reading.ids, config=config)
            search.run()
            return [chunk.id for chunk in search.best()[0].chunks]
        seed = SEED if config.seed is None else config.seed
        chunks = self.loaded.text_model().stream(
            reading.ids, config=config, generator=make_generator(seed, "reply 0")
        )
        return [chunk.id for chunk in chunks]

    def _overview(self, reading: Reading, request: LookRequest) -> OverviewView:
        said = reading
        while said.ids[-1] == Special.END and len(said) > 1:
            said = Reading(said.ids[:-1], said.counted[:-1], said.tokenizer)
        has_target = any(map(_is_explained, reading.ids[1:]))
        next_request = request.model_copy(update={"view": "next"})
        source = self.look_at(reading, request.model_copy(update={"view": "source"}))
        shown = self.look_at(said, next_request)
        return OverviewView(
            surprise=surprise(self.model, reading),
            next=shown,  # type: ignore[arg-type]
            matters=matters(self.model, reading, target=self._place(reading, request))
            if has_target
            else None,
            source=source,  # type: ignore[arg-type]
            notes=[],
        )

    def _sampling(self, request: LookRequest) -> SamplingConfig:
        own = self.loaded.config.model_dump(mode="json")
        try:
            return SamplingConfig.model_validate({**own, **request.sampling})
        except ValidationError as error:
            raise _wrong(error) from error

    def _place(self, reading: Reading, request: LookRequest) -> int:
        """Return the place that is asked for, from 1 to the length of the text."""
        at = request.at
        if isinstance(at, str):
            at = _place_of(reading, at)
        if at is None:
            at = _least_sure(self.model, reading)
        if not 1 <= at <= len(reading):
            raise UsageError(f"there is no place {at} in the text, which has {len(reading)}")
        return at

    def _heads(self, off: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        config = self.model.config
        for layer, head in off:
            if not (0 <= layer < config.num_layers and 0 <= head < config.num_heads):
                raise UsageError(
                    f"there is no head {layer + 1}.{head + 1}: the model has {config.num_layers} "
                    f"layers of {config.num_heads} heads"
                )
        return off


def parse_request(values: Mapping[str, Any]) -> LookRequest:
    """Return what plain values ask for. Raises UsageError where they can't be meant."""
    try:
        return LookRequest.model_validate(values)
    except ValidationError as error:
        raise _wrong(error) from error


def compare(left: Looker, right: Looker, request: LookRequest) -> CompareView:
    """Return the same view of two models, each of its own reply where one is drawn."""
    sides = [_side(looker, request) for looker in (left, right)]
    is_identical = (sides[0].reply, sides[0].shown) == (sides[1].reply, sides[1].shown)
    return CompareView(sides[0], sides[1], is_identical, [SAME] if is_identical else [])


def _side(looker: Looker, request: LookRequest) -> Side:
    if request.view == "characters":
        return Side(looker.facts, "", looker.look(request))
    with_reply = looker.reading(request.model_copy(update={"view": "surprise"}))
    reply, speaker = with_reply.last_turn()
    reading = with_reply if request.view in _WITH_REPLY else looker.reading(request)
    is_drawn = request.draw_reply and speaker == "bot"
    return Side(looker.facts, reply if is_drawn else "", looker.look_at(reading, request))


def _is_explained(id_: int) -> bool:
    return not is_special(id_) or id_ == Special.END


def _least_sure(model: Any, reading: Reading) -> int:
    """Return the place that the model was least sure of, of those it learnt, if there is one."""
    view = surprise(model, reading)
    if view.least_sure:
        return view.least_sure[0] + view.text.num_left_out
    if len(reading) < 2:
        raise UsageError("there is no text to look into", hint='Give one: lumina look "Hello"')
    return len(reading) - 1


def _place_of(reading: Reading, text: str) -> int:
    """Return the place of the piece in which a text begins in the last turn."""
    turn, _ = reading.last_turn()
    found = turn.find(text)
    if found < 0 and text.isascii() and text.isdigit() and 1 <= int(text) <= len(turn):
        found = int(text) - 1
    if found < 0:
        raise UsageError(
            f"{text[:50]!r} does not stand in {turn[:50]!r}",
            hint="Name a part of it, or the number of a character: --at 1",
        )
    pieces = reading.text().pieces
    stop = len(pieces)
    while stop and not pieces[stop - 1].text:
        stop -= 1
    left = len(turn) - found
    while left > 0:
        stop -= 1
        left -= len(pieces[stop].text)
    return stop


def _refuse_long(text: str) -> None:
    if len(text) > MAX_CHARS:
        raise UsageError(
            f"the text has {len(text):,} characters; look takes {MAX_CHARS:,}",
            hint="To measure a model on a long one: lumina eval --data FILE",
        )


def _wrong(error: ValidationError) -> UsageError:
    details = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, details["loc"]))[:100]
    return UsageError(f"{where}: {details['msg']}")
