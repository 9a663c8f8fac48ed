"""Many commands at once on one cache: each gets its text, whatever the others take away."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.io.folders import cache_folder
from lumina_cli.recipes.data.sources import encode_source, open_source

NUM_TEXTS = 3
NUM_COMMANDS = 120


def test_many_commands_at_once_share_a_cache_that_has_room_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry but the newest is one too many, so each command takes away the others'."""
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache_folder, "MOST_ENTRIES", 1)
    config, texts = DataConfig(), [f"text number {number}\n" * 20 for number in range(NUM_TEXTS)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text, encoding="utf-8")

    def read(number: int) -> str:
        source = open_source([tmp_path / f"{number}.txt"], config=config)
        corpus = encode_source(source, config=config, seed=0)
        ids = np.concatenate(
            [side.slice(0, len(side)).ids for side in (corpus.train, corpus.validation)]
        )
        return corpus.tokenizer.decode([id_ for id_ in ids.tolist() if id_ > 5])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, [n % NUM_TEXTS for n in range(NUM_COMMANDS)]))
    assert found == [texts[n % NUM_TEXTS] for n in range(NUM_COMMANDS)]
