"""What each of a class may ask for."""

import pytest

from lumina_cli.server.api.class_limits import (
    MAX_REQUESTS,
    MAX_TEXTS,
    ClassLimits,
)
from lumina_cli.server.api.errors import ApiError


def test_each_client_has_so_many_requests_a_minute() -> None:
    now_s = [0.0]
    limits = ClassLimits(clock=lambda: now_s[0])
    for _ in range(MAX_REQUESTS):
        limits.admit("a", num_texts=1, num_going_on=0)
    limits.admit("b", num_texts=1, num_going_on=0)
    now_s[0] = 50.5
    with pytest.raises(ApiError) as caught:
        limits.admit("a", num_texts=1, num_going_on=0)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "10"})
    now_s[0] = 60.0
    limits.admit("a", num_texts=1, num_going_on=0)


def test_no_client_has_more_texts_at_once_than_it_may() -> None:
    limits = ClassLimits()
    limits.admit("a", num_texts=1, num_going_on=MAX_TEXTS - 1)
    with pytest.raises(ApiError, match="Wait for your last text"):
        limits.admit("a", num_texts=1, num_going_on=MAX_TEXTS)
