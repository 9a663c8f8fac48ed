"""Views as JSON."""

import json

from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.characters import characters
from lumina_cli.look.heads import heads
from lumina_cli.look.layers import layers
from lumina_cli.look.matters import matters
from lumina_cli.look.next_character import next_character
from lumina_cli.look.reading import read_messages
from lumina_cli.look.surprise import surprise
from lumina_cli.look.views import to_json
from lumina_cli.tokenizer.base import Tokenizer


def test_every_view_names_itself_and_is_json(model: Transformer, tokenizer: Tokenizer) -> None:
    talk = [Message("user", "ü?"), Message("bot", "abc.")]
    reading = read_messages(talk, tokenizer=tokenizer, loss_on="bot")
    views = [
        next_character(model, reading, config=SamplingConfig(), with_logits=True),
        surprise(model, reading),
        matters(model, reading, target=len(reading) - 2),
        layers(model, reading),
        heads(model, reading, position=3, with_maps=True),
        characters(model, tokenizer),
    ]
    told = [json.loads(json.dumps(to_json(view), allow_nan=False)) for view in views]
    names = ["next", "surprise", "matters", "layers", "heads", "characters"]
    assert [each["view"] for each in told] == names
    piece = told[1]["text"]["pieces"][-1]
    assert piece == {"id": 5, "text": "", "label": "<|end|>", "speaker": "bot", "counted": True}


def test_numbers_have_seven_digits_behind_the_point(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    told = to_json(characters(model, tokenizer))
    assert all(value == round(value, 7) for row in told["similarity"] for value in row)
