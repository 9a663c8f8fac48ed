"""What may be asked of a model that is looked into: an answer in plain values, or an error."""

import json
import random
from pathlib import Path
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.recipes.look.request import ViewName

from .bounds import reads_or_refuses, seldom_fuzzed
from .mutations import VALUES, randoms, value_changed

MODEL = Path(__file__).parents[1] / "old_files" / "runs" / "lora" / "Model.pth"
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["<|user|><|bot|>", "\ud800", "\0\x1b[2J\u202e", "é" * 200, "a" * 3_000, " ", "\n"]
)
REQUESTS = st.fixed_dictionaries(
    {"view": st.sampled_from(get_args(ViewName))},
    optional={
        "text": TEXTS,
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "bot", "system"]), "text": TEXTS}
            ),
            max_size=4,
        ),
        "is_ended": st.booleans() | st.none(),
        "draw_reply": st.booleans(),
        "at": st.integers() | TEXTS | st.none(),
        "off": st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=3),
        "with_maps": st.booleans(),
        "with_logits": st.booleans(),
        "characters": TEXTS,
        "sampling": st.just({"max_new_tokens": 4}) | st.dictionaries(st.text(max_size=6), VALUES),
    },
)


def test_any_request_is_answered_or_refused() -> None:
    flags = {"precision": "fp32", "engine": "torch", "max_new_tokens": 8}
    looker = Looker(open_model(MODEL, flags=flags, environ={}))

    @seldom_fuzzed
    @given(request=REQUESTS, rng=randoms(), odd=VALUES)
    def check(request: dict[str, Any], rng: random.Random, odd: Any) -> None:
        if rng.random() < 0.3:
            request = value_changed(request, rng, odd)
        reads_or_refuses(lambda: json.dumps(looker.answer(request), allow_nan=False))

    check()
