"""schemathesis reads /openapi.json and asks whatever it allows, and much that it doesn't."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from lumina_cli.recipes.watch.shelf import RunShelf
from tests.server.live import PATIENCE_S
from tests.server.looked_into import model_that_can_be_looked_into
from tests.server.served import Served, served
from tests.unit.recipes.watch.runs import evaluated, sampled, started, step, write_run

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = int(os.environ.get("EXAMPLES", "8"))
MANY = 500
RUN = "a b.run"


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    model = model_that_can_be_looked_into(folder, is_private=True)
    events = [started(), sampled(0, "ab"), step(1, 3.0), evaluated(1, 2.5), step(2, 2.0)]
    write_run(folder, events, name=RUN)
    with served(model, runs=RunShelf(folder), request_timeout_s=1.0) as running:
        yield running


def promises() -> list[Any]:
    """All checks but one, which takes a request for good where only the schema allows it.

    A prompt may be too long for the model, and two fields may not go together.
    """
    from schemathesis.specs.openapi import checks

    return [
        schemathesis.checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
        checks.unsupported_method,
    ]


def ask_all(running: Served, *, num_examples: int, mode: str) -> int:
    """Ask each operation so often, by what the schema allows or by what it does not."""
    url, checks = f"{running.url}/openapi.json", promises()
    num_asked = 0
    schema = schemathesis.openapi.from_url(url, timeout=PATIENCE_S)
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode == "negative" and not operation.body:
            continue  # any text is a name
        cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))

        @settings(
            max_examples=num_examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case: Any) -> None:
            nonlocal num_asked
            num_asked += 1
            case.call_and_validate(checks=checks)

        ask()
    return num_asked


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_makes_the_server_fail_or_break_its_word(
    quick_server: Served, mode: str
) -> None:
    assert ask_all(quick_server, num_examples=EXAMPLES, mode=mode) >= 2 * EXAMPLES


@pytest.mark.parametrize("path", ["/api/runs/{name}/curve", "/api/runs/{name}/events"])
def test_what_is_told_of_a_run_is_as_it_is_described(quick_server: Served, path: str) -> None:
    schema = schemathesis.openapi.from_url(f"{quick_server.url}/openapi.json", timeout=PATIENCE_S)
    case = schema[path]["GET"].Case(path_parameters={"name": RUN})
    assert case.call_and_validate(checks=promises()).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_of_many_makes_the_server_fail_or_break_its_word(
    quick_server: Served, mode: str
) -> None:
    assert ask_all(quick_server, num_examples=MANY, mode=mode) >= 2 * MANY
