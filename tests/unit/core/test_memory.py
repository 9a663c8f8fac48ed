"""Running out of memory, told apart from other errors."""

import gc
import weakref

import pytest
import torch

from lumina_cli.core.memory import (
    is_out_of_memory,
    release_memory,
)


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
