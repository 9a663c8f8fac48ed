"""A server with a tiny model that many tests ask."""

from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from tests.server.served import Served, served, tiny_model


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(tiny_model(), tiny_model("other", seed=4)) as running:
        yield running
