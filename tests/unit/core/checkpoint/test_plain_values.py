"""What a header may hold, and how much of it is read again."""

import math
from typing import Any

import pytest

from lumina_cli.core.checkpoint.plain_values import MOST_COMMANDS, can_be_read_back, is_json


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [None, True, 3, 1.5, "é🙂", [1, [2]], {"a": {"b": []}}, nested(64)], ids=repr
)
def test_json_is_known(value: object) -> None:
    assert is_json(value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.inf,
        "\ud800",
        b"x",
        (1,),
        {1: 2},
        {"a": [math.nan]},
        {"\udfff": 1},
        nested(65),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_is_no_json_is_known(value: object) -> None:
    assert not is_json(value)


def test_more_values_than_are_read_are_not_written() -> None:
    few, many = {"a": [0] * 10}, {"a": [0] * (MOST_COMMANDS // 3)}
    assert can_be_read_back(few, num_tensors=100)
    assert not can_be_read_back(few, num_tensors=MOST_COMMANDS // 60 + 1)
    assert not can_be_read_back(many, num_tensors=0)
