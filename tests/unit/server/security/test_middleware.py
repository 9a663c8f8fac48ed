"""Who is let in, and what browsers are told about the answers."""

import asyncio
import json

import pytest

pytest.importorskip("starlette", reason="the extra [serve] is not installed")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.security.api_key import ApiKey
from lumina_cli.server.security.middleware import Security, SecurityPolicy
from tests.server.asgi import METHODS, Answer, ask, assert_key_guards

KEY = "sk-0123456789abcdef"
BEARER = {"authorization": f"Bearer {KEY}"}
PUBLIC = frozenset({"/health", "/", "/page/app.js"})
FRIEND = "https://friend.example"


async def _json(request: Request) -> Response:
    return JSONResponse({"path": request.url.path}, headers={"Referrer-Policy": "unsafe-url"})


async def _page(request: Request) -> Response:
    headers = {"content-security-policy": "default-src 'self'", "cache-control": "no-cache"}
    return PlainTextResponse("a page", headers=headers)


ROUTES = [
    Route("/", _page),
    Route("/page/{name}", _page),
    Route("/health", _json),
    Route("/v1/models", _json),
    Route("/v1/models/{model:path}", _json),
    Route("/v1/chat/completions", _json, methods=["POST"]),
    Mount("/more", routes=[Route("/inner", _json)]),
]


def guarded(
    *, key: str | None = None, origins: tuple[str, ...] = (), host: str = "127.0.0.1"
) -> Security:
    """Return a small application with a guard before it."""
    config = ServeConfig(host=host, cors_origin=origins)
    api_key = None if key is None else ApiKey(key)
    policy = SecurityPolicy.from_config(config, key=api_key, public_paths=PUBLIC)
    return Security(Starlette(routes=ROUTES), policy=policy)


def test_every_route_asks_for_the_key_but_health_and_the_page() -> None:
    num_guarded = assert_key_guards(guarded(key=KEY), ROUTES, key=KEY, public_paths=PUBLIC)
    paths = 9  # the seven above, "/more/anything", and "/page/app.js" beside "/page/anything"
    assert num_guarded == paths * len(METHODS) - 2 * len(PUBLIC)


@pytest.mark.parametrize(
    "path",
    ["/health/", "//health", "/health/../v1/models", "/HEALTH", "/health%00", "/page/../health"],
)
def test_no_way_of_writing_a_public_path_leads_past_the_key(path: str) -> None:
    assert ask(guarded(key=KEY), path).status == 401


def test_a_route_that_is_forgotten_in_the_list_asks_for_the_key() -> None:
    with pytest.raises(AssertionError, match="GET /page/anything: 401"):
        assert_key_guards(
            guarded(key=KEY), ROUTES, key=KEY, public_paths=PUBLIC | {"/page/anything"}
        )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Send the API key as 'Authorization: Bearer KEY'."),
        ("", "Send the API key as 'Authorization: Bearer KEY'."),
        ("Bearer", "Send the API key as 'Authorization: Bearer KEY'."),
        ("Bearer ", "Send the API key as 'Authorization: Bearer KEY'."),
        (KEY, "Send the API key as 'Authorization: Bearer KEY'."),
        (f"Basic {KEY}", "Send the API key as 'Authorization: Bearer KEY'."),
        (f"Bearer {KEY[:-1]}", "The API key is wrong."),
        (f"Bearer {KEY}x", "The API key is wrong."),
        (f"Bearer {KEY.upper()}", "The API key is wrong."),
        (f"Bearer {KEY} {KEY}", "The API key is wrong."),
        ("Bearer \xff\xfe", "The API key is wrong."),
        (f"Bearer {'x' * 10_000}", "The API key is wrong."),
    ],
)
def test_a_wrong_key_is_told_as_openai_tells_it(header: str | None, message: str) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = ask(guarded(key=KEY), headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.error == {
        "message": message,
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_right_key_is_let_in(scheme: str) -> None:
    app = guarded(key=KEY)
    assert ask(app, headers={"authorization": f"{scheme} {KEY}"}).status == 200
    assert ask(app, "/nowhere", headers=BEARER).status == 404


def test_two_keys_are_none() -> None:
    answer = ask(guarded(key=KEY), headers=[*BEARER.items(), ("authorization", "Bearer other")])
    assert answer.status == 400


def test_a_public_path_is_only_read_without_the_key() -> None:
    app = guarded(key=KEY)
    assert ask(app, "/health").status == 200
    assert ask(app, "/health", method="HEAD").status == 200
    assert ask(app, "/health", method="POST").status == 401


def test_without_a_key_everybody_on_this_machine_is_let_in() -> None:
    assert ask(guarded()).status == 200


@pytest.mark.parametrize("path", ["/health", "/", "/v1/models"])
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.1.7", ""])
def test_a_name_that_is_not_the_servers_is_refused_on_every_path(path: str, host: str) -> None:
    answer = ask(guarded(key=KEY), path, headers={"host": host, **BEARER})
    assert answer.status == 421
    assert answer.error["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:3000",
        "http://localhost",
        "https://localhost:8000.evil.example",
        "null",
        "",
        "file://",
        "http://friend.example",
        "https://friend.example.evil.example",
        "https://friend.example:8443",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_of_another_site_is_refused_and_told_nothing(origin: str, method: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST", **BEARER}
    app = guarded(key=KEY, origins=(FRIEND,))
    answer = ask(app, "/v1/chat/completions", method=method, headers=headers)
    assert answer.status == 403
    assert answer.error["code"] == "origin_not_allowed"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://localhost", "localhost"),
    ],
)
def test_the_own_page_is_let_in_without_cors(origin: str, host: str) -> None:
    answer = ask(
        guarded(), headers={"origin": origin, "host": host, "sec-fetch-site": "same-origin"}
    )
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_page_that_the_user_allows_may_read_answers_and_refusals() -> None:
    app = guarded(key=KEY, origins=(FRIEND + "/",))
    for headers, status in ((BEARER, 200), ({}, 401)):
        answer = ask(app, headers={"origin": FRIEND, "sec-fetch-site": "cross-site", **headers})
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


def test_a_browser_that_asks_first_needs_no_key_and_may_send_what_openais_client_sends() -> None:
    wanted = "authorization,content-type,x-stainless-lang"
    answer = ask(
        guarded(key=KEY, origins=(FRIEND,)),
        "/v1/chat/completions",
        method="OPTIONS",
        headers={
            "origin": FRIEND,
            "access-control-request-method": "POST",
            "access-control-request-headers": wanted,
            "access-control-request-private-network": "true",
        },
    )
    assert answer.status == 204
    assert answer.headers["access-control-allow-headers"] == wanted
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-private-network"] == "true"


def test_names_of_headers_that_are_none_are_not_repeated() -> None:
    headers = {
        "origin": FRIEND,
        "access-control-request-method": "POST",
        "access-control-request-headers": "*, <script>",
    }
    answer = ask(guarded(origins=(FRIEND,)), method="OPTIONS", headers=headers)
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_image_or_script_in_another_sites_page_is_refused(site: str) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert ask(guarded(), headers=headers).status == 403


def test_a_frame_in_another_sites_page_is_refused_and_a_link_to_the_page_is_not() -> None:
    frame = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask(guarded(), "/", headers={**frame, "sec-fetch-dest": "iframe"}).status == 403
    assert ask(guarded(), "/", headers={**frame, "sec-fetch-dest": "document"}).status == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_user_or_the_own_page_asks_for_is_answered(site: str) -> None:
    assert ask(guarded(), headers={"sec-fetch-site": site}).status == 200


def _assert_secured(answer: Answer) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/nowhere"])
def test_every_answer_carries_the_headers_that_protect_it(path: str) -> None:
    _assert_secured(ask(guarded(key=KEY), path, headers=BEARER))
    _assert_secured(ask(guarded(key=KEY), path, headers={"host": "evil.example"}))


def test_the_page_says_itself_what_it_may_load_and_how_it_is_cached() -> None:
    headers = ask(guarded(), "/").headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["cache-control"] == "no-cache"


def test_a_websocket_is_closed_before_it_opens() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/", "headers": []}
    asyncio.run(guarded()(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_key_shows_in_no_representation() -> None:
    policy = guarded(key=KEY)._policy
    assert KEY not in repr(policy) + repr(policy.key) + json.dumps(vars(policy.key), default=str)
