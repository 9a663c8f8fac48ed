"""What the system tells of memory, and what is freed and kept."""

import os
import subprocess
import sys

import pytest
import torch

from lumina_cli.io.process_memory import keep_freed_memory, peak_bytes

FRESH_PAGES = """
import resource
from lumina_cli.io.process_memory import (
    give_back_freed_memory, keep_freed_memory, peak_bytes, resident_bytes
)
import torch
before = resident_bytes()
block = torch.ones(50_000_000, dtype=torch.uint8)
grown, above_peak = resident_bytes() - before, resident_bytes() - peak_bytes()
del block
kept = keep_freed_memory()
def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(5_000_000) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(5):
    fresh_pages()
again, held = fresh_pages(), resident_bytes()
give_back_freed_memory()
print(int(kept), again, held - resident_bytes(), grown, above_peak)
"""
"""Prints whether memory is kept, pages fetched for 80 MB once more, and bytes let go; then, of
50 MB held before, by how many bytes more were held, and how far that was above the peak.
Pieces of 20 MB: smaller ones glibc keeps by itself."""


def test_the_peak_of_this_process_is_at_least_what_it_has_just_held() -> None:
    block = torch.ones(50_000_000, dtype=torch.uint8)
    assert peak_bytes() >= block.numel()


def fresh_pages(**environment: str) -> tuple[int, ...]:
    found = subprocess.run(
        [sys.executable, "-c", FRESH_PAGES],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **environment},
    )
    return tuple(int(number) for number in found.stdout.split())


@pytest.fixture(scope="module")
def usual() -> tuple[int, ...]:
    """In a process of its own: what tests before it have freed would be held already."""
    return fresh_pages()


needs_glibc = pytest.mark.skipif(not keep_freed_memory(), reason="only glibc can be told")


@needs_glibc
def test_what_is_freed_is_kept_for_the_next_step_and_let_go_where_memory_is_short(
    usual: tuple[int, ...],
) -> None:
    kept, fetched, let_go, *_ = usual
    assert kept
    assert fetched < 1_000
    assert let_go > 60_000_000


@needs_glibc
def test_whoever_told_glibc_something_else_is_obeyed() -> None:
    kept, fetched, *_ = fresh_pages(MALLOC_TRIM_THRESHOLD_="131072")
    assert not kept
    assert fetched > 10_000


def test_what_is_held_now_counts(usual: tuple[int, ...]) -> None:
    *_, grown, above_peak = usual
    assert grown > 45_000_000
    assert above_peak <= 4096 * 100
