"""Running out of memory, told apart from other errors."""

import gc
import os
import subprocess
import sys
import weakref

import pytest
import torch

from lumina_cli.core.memory import (
    is_out_of_memory,
    keep_freed_memory,
    peak_memory_bytes,
    release_memory,
)

FRESH_PAGES = """
import resource
from lumina_cli.core.memory import keep_freed_memory, memory_bytes, release_memory
import torch
kept = keep_freed_memory()
def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(5_000_000) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(5):
    fresh_pages()
again, held = fresh_pages(), memory_bytes(torch.device("cpu"))
release_memory()
print(int(kept), again, held - memory_bytes(torch.device("cpu")))
"""
"""Prints whether memory is kept, pages fetched for 80 MB once more, and bytes let go.
Pieces of 20 MB: smaller ones glibc keeps by itself."""


def test_the_cpu_allocators_own_error_is_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)  # a real one: no address space is that large
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.80 GB, max allowed: 18.13 GB)"),
        RuntimeError("could not create a primitive"),
    ],
    ids=repr,
)
def test_each_device_has_its_way_to_say_it(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("the boom of a room: oom"),
        ValueError("out of memory"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_another_error_is_not_mistaken_for_it(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_release_collects_what_only_a_cycle_holds() -> None:
    class Node:
        me: "Node"

    gc.disable()
    try:
        node = Node()
        node.me = node
        gone = weakref.ref(node)
        del node
        assert gone() is not None
        release_memory()
        assert gone() is None
    finally:
        gc.enable()


def test_the_peak_of_this_process_is_at_least_what_it_has_just_held() -> None:
    block = torch.ones(50_000_000, dtype=torch.uint8)
    assert peak_memory_bytes(torch.device("cpu")) >= block.numel()


def fresh_pages(**environment: str) -> tuple[int, ...]:
    found = subprocess.run(
        [sys.executable, "-c", FRESH_PAGES],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **environment},
    )
    return tuple(int(number) for number in found.stdout.split())


needs_glibc = pytest.mark.skipif(not keep_freed_memory(), reason="only glibc can be told")


@needs_glibc
def test_what_is_freed_is_kept_for_the_next_step_and_let_go_where_memory_is_short() -> None:
    kept, fetched, let_go = fresh_pages()
    assert kept
    assert fetched < 1_000
    assert let_go > 60_000_000


@needs_glibc
def test_whoever_told_glibc_something_else_is_obeyed() -> None:
    kept, fetched, _ = fresh_pages(MALLOC_TRIM_THRESHOLD_="131072")
    assert not kept
    assert fetched > 10_000
