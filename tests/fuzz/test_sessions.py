"""Saved chats that anybody could make: each is a chat to go on with, or is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.chat.session_file import read_session
from lumina_cli.recipes.infer.loaded_model import open_model

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, json_changed, randoms

OLD_FILES = Path(__file__).parents[1] / "old_files"
CHAT = OLD_FILES / "chats" / "session.json"


def test_a_changed_chat_goes_on_or_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("chat") / "chat.json"
    content = json.loads(CHAT.read_text(encoding="utf-8"))
    loaded = open_model(OLD_FILES / "runs/lora/Model.pth", flags={}, environ={})

    def go_on() -> None:
        session = loaded.session()
        session.restore(read_session(path))
        for _, _ in zip(session.say("ab"), range(3), strict=False):
            pass

    path.write_bytes(CHAT.read_bytes())
    assert reads_or_refuses(go_on)

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        path.write_bytes(json_changed(content, rng, odd))
        reads_or_refuses(go_on)

    check()
