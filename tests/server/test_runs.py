"""Runs over HTTP: what is told, what is refused, and who is let in."""

import json
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from starlette.types import ASGIApp

from lumina_cli.recipes.watch.shelf import RunShelf
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.page import page_files
from lumina_cli.server.runs.app import make_watch_app
from lumina_cli.server.runs.routes import RunRoutes, run_page_routes
from lumina_cli.server.security.api_key import ApiKey
from tests.server.asgi import ask, assert_key_guards
from tests.unit.recipes.watch.runs import sampled, started, step, write_run

KEY = "k" * 32


@pytest.fixture
def app(tmp_path: Path) -> ASGIApp:
    write_run(tmp_path, [started(), sampled(0, "\ud800 \u2028"), step(1, 3.0)], name="a b.run")
    return make_watch_app(RunShelf(tmp_path), config=ServeConfig())


def test_runs_their_events_and_their_curve_are_told(app: ASGIApp) -> None:
    assert [run["name"] for run in json.loads(ask(app, "/api/runs").body)["runs"]] == ["a b.run"]
    told = json.loads(ask(app, "/api/runs/a b.run/events?after=0").body)
    assert [event["event"] for event in told["events"]] == ["RunStarted", "Sampled", "StepDone"]
    curve = ask(app, "/api/runs/a b.run/curve?points=10")
    assert json.loads(curve.body)["curves"]["training"] == [[1, 1, 3.0, 3.0, 3.0]]
    assert curve.headers["cache-control"] == "no-store"
    known = {"if-none-match": curve.headers["etag"]}
    again = ask(app, "/api/runs/a b.run/curve?points=10", headers=known)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/runs/gone.run/curve", 404),
        ("/api/runs/gone.run/events", 404),
        ("/api/runs/../curve", 404),
        ("/api/runs/a b.run/curve?points=9", 400),
        ("/api/runs/a b.run/curve?points=2001", 400),
        ("/api/runs/a b.run/curve?points=1e3", 400),
        ("/api/runs/a b.run/events?after=-1", 400),
        ("/api/runs/a b.run/events?after=" + "9" * 5000, 400),
        ("/api/runs/a b.run/events?after=٣", 400),
    ],
)
def test_what_is_no_run_and_out_of_bounds_is_refused(app: ASGIApp, path: str, status: int) -> None:
    answer = ask(app, path)
    assert answer.status == status
    assert answer.error["message"]


def test_the_description_names_every_route(app: ASGIApp, tmp_path: Path) -> None:
    paths = json.loads(ask(app, "/openapi.json").body)["paths"]
    routes = {route.path for route in RunRoutes(RunShelf(tmp_path)).routes()}
    assert set(paths) == routes | {"/health", "/openapi.json"}


def test_only_reading_is_allowed_and_no_stranger_reads(app: ASGIApp) -> None:
    for path in ("/api/runs", "/api/runs/a b.run/curve", "/"):
        assert ask(app, path, method="POST").status == 405
        assert ask(app, path, headers={"host": "evil.example"}).status == 421
        assert ask(app, path, headers={"origin": "https://evil.example"}).status == 403
    assert ask(app, "/health").status == 200


def test_every_route_of_the_runs_asks_for_the_key(tmp_path: Path) -> None:
    runs = RunShelf(tmp_path)
    app = make_watch_app(runs, config=ServeConfig(), key=ApiKey(KEY))
    page = run_page_routes("/")
    public = frozenset({"/health", *(route.path for route in page)})
    routes = [*RunRoutes(runs).routes(), *page]
    assert assert_key_guards(app, routes, key=KEY, public_paths=public) > 30


def test_the_page_is_guarded_by_a_policy_and_small(app: ASGIApp) -> None:
    answer = ask(app, "/")
    assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
    assert sum(map(len, page_files("run_page").values())) < 40_000
