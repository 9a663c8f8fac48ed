"""One model that is looked into: its text, and the views of it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch

from lumina_cli.conversation import Message
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
from lumina_cli.look.views import ModelFacts, OverviewView, View, to_json
from lumina_cli.recipes.finetune.replay import open_learnt_texts
from lumina_cli.recipes.infer.loaded_model import LoadedModel
from lumina_cli.recipes.look.places import place_asked
from lumina_cli.recipes.look.request import (
    WITH_REPLY,
    LookRequest,
    parse_request,
    refuse_long,
    sampling_of,
)
from lumina_cli.tokenizer.chat_format import LossOn
from lumina_cli.tokenizer.special_ids import Special

SEED = 0
"""Of a reply that is drawn to be looked at, where none is set: the same each time."""

NOT_AT_HAND = "it tells of no text that it learnt from"


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
                target = place_asked(self.model, reading, request.at)
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
                    position=place_asked(self.model, reading, request.at) - 1,
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
            refuse_long(request.text)
            is_ended = bool(request.is_ended)
            return read_plain(request.text, tokenizer=self.tokenizer, is_ended=is_ended)
        messages = [Message(message.role, message.text) for message in request.messages]
        refuse_long("".join(message.text for message in messages))
        reading = read_messages(
            messages,
            tokenizer=self.tokenizer,
            loss_on=self._loss_on,
            is_ended=request.is_ended is not False,
        )
        if request.draw_reply and messages[-1].role != "bot" and request.view in WITH_REPLY:
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
        asked, speaker = reading.last_turn()
        told = any(reading.counted[1:])
        target = place_asked(self.model, reading, request.at) if told else 0
        return OverviewView(
            surprise=surprise(self.model, reading),
            next=next_character(self.model, _before_reply(reading), config=self._sampling(request)),
            matters=matters(self.model, reading, target=target) if target else None,
            source=find_source(asked, self.training, tokenizer=self.tokenizer, speaker=speaker),
            notes=[],
        )

    def _sampling(self, request: LookRequest) -> SamplingConfig:
        return sampling_of(request, own=self.loaded.config)

    def _heads(self, off: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        config = self.model.config
        for layer, head in off:
            if not (0 <= layer < config.num_layers and 0 <= head < config.num_heads):
                raise UsageError(
                    f"there is no head {layer + 1}.{head + 1}: the model has {config.num_layers} "
                    f"layers of {config.num_heads} heads"
                )
        return off


def _before_reply(reading: Reading) -> Reading:
    """Return a conversation up to where the bot began to speak; a plain text as it is."""
    if Special.BOT not in reading.ids:
        return reading
    stop = len(reading) - reading.ids[::-1].index(Special.BOT)
    return Reading(reading.ids[:stop], reading.counted[:stop], reading.tokenizer)
