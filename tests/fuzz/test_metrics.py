"""Run folders from elsewhere: whatever their metrics and settings hold, a page is made of them."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.io.folders.run_folder import METRICS, SETTINGS
from lumina_cli.recipes.run.report_page.history import read_history
from lumina_cli.recipes.run.report_page.page import write_report_page

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, bytes_changed, lines_changed, randoms

RUN = Path(__file__).parents[1] / "old_files" / "runs" / "lora" / "Model.run"
MAX_PAGE_BYTES = 2_000_000
LONG_NUMBER = b"seed = 0x" + b"f" * 5_000


def test_changed_metrics_and_settings_are_a_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("Model.run")
    lines = (RUN / METRICS).read_bytes().splitlines()
    settings = (RUN / SETTINGS).read_bytes()

    def use() -> None:
        history = read_history(folder / METRICS)
        page = write_report_page(folder, history=history, title="Model.pth", facts={})
        assert page.stat().st_size < MAX_PAGE_BYTES
        assert "<script" not in page.read_text(encoding="utf-8")

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        changed = lines_changed(lines, rng, odd)
        (folder / METRICS).write_bytes(b"\n".join(changed))
        (folder / SETTINGS).write_bytes(
            rng.choice((bytes_changed(settings, rng), b"a = " + b"[" * 5_000, LONG_NUMBER))
        )
        assert reads_or_refuses(use)

    check()
