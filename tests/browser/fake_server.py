"""An API that says what a test wants: texts, a slow one, one that breaks off, one that refuses."""

import asyncio
import json
import math
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lumina_cli.server.page import page_routes

DIGEST = "d" * 64
DEADLINE_S = 30.0


@dataclass
class Reply:
    """What the API answers.

    Attributes:
        probs: of each character; of the last for those beyond.
        others: what else stands beside each character; bytes None is the end of the turn.
        dies: whether the connection breaks off after the text.
        waits: whether the text is followed by nothing until `go_on` or the client goes.
        status: of an answer that is an error instead.
        notices: what there is to tell of the request.
    """

    text: str = ""
    probs: tuple[float, ...] = (0.95,)
    others: tuple[tuple[str | None, float], ...] = (("a", 0.5), ("é", 0.03), (None, 0.01))
    finish: str = "stop"
    dies: bool = False
    waits: bool = False
    status: int = 200
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass
class FakeApi:
    """The API's state, which a test sets and looks at."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    key: str = ""
    num_disconnects: int = 0
    go_on: bool = False

    def reset(self) -> None:
        self.__init__(models=[model("Model")])  # type: ignore[misc]


def model(name: str, **lumina: Any) -> dict[str, Any]:
    """One entry of `GET /v1/models`."""
    facts = {"context_length": 256, "num_parameters": 1_234_567, "tokenizer": "characters"}
    return {
        "id": name,
        "object": "model",
        "lumina": {**facts, "digest": DIGEST, "conversations": True, **lumina},
    }


def error(status: int, message: str, **headers: str) -> Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return JSONResponse(body, status_code=status, headers=headers)


def make_app(api: FakeApi) -> Starlette:
    def refuses(request: Request) -> bool:
        return bool(api.key) and request.headers.get("authorization") != f"Bearer {api.key}"

    async def models(request: Request) -> Response:
        if refuses(request):
            return error(401, "no key")
        return JSONResponse({"object": "list", "data": api.models})

    async def complete(request: Request) -> Response:
        if refuses(request):
            return error(401, "no key")
        body = (await request.body()).decode()
        api.bodies.append(body)
        api.requests.append(json.loads(body))
        reply = api.replies.pop(0) if api.replies else Reply("ok")
        if reply.status != 200:
            return error(reply.status, reply.message, **reply.headers)
        return StreamingResponse(events(api, reply), media_type="text/event-stream")

    routes = [
        *page_routes(),
        Route("/v1/models", models),
        Route("/v1/chat/completions", complete, methods=["POST"]),
    ]
    return Starlette(routes=routes)


async def events(api: FakeApi, reply: Reply) -> AsyncIterator[bytes]:
    """Yield a reply character by character, as server-sent events."""
    is_whole = False
    try:
        for index, char in enumerate(reply.text):
            yield event({"content": char}, logprobs=entries(char, reply, index))
        while reply.waits and not api.go_on:
            yield b": still there\n\n"  # a comment; where nobody reads any more it fails
            await asyncio.sleep(0.01)
        if reply.dies:
            is_whole = True
            raise ConnectionError("as the test wants it")
        yield event({}, finish=reply.finish)
        more = {"choices": [], "usage": {}, "lumina": {"seed": 1, "notices": reply.notices}}
        yield f"data: {json.dumps(more)}\n\n".encode()
        yield b"data: [DONE]\n\n"
        is_whole = True
    finally:
        api.num_disconnects += not is_whole


def event(delta: dict[str, str], *, logprobs: Any = None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


def entries(char: str, reply: Reply, index: int) -> dict[str, Any]:
    """A character beyond Latin-1 is spelled in bytes, each an entry of its own."""
    prob = reply.probs[min(index, len(reply.probs) - 1)]
    spelled = [[byte] for byte in char.encode()] if ord(char) > 255 else [list(char.encode())]
    content = [entry(char, bytes_, prob if n == 0 else 1.0) for n, bytes_ in enumerate(spelled)]
    others = [entry(c or "<|end|>", c and list(c.encode()), p) for c, p in reply.others]
    return {"content": [{**item, "top_logprobs": [content[0], *others]} for item in content]}


def entry(token: str, bytes_: Any, prob: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(prob), "bytes": bytes_}


class Server:
    """An app on a port of the loopback, in a thread of its own."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(app, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(DEADLINE_S)
        self._socket.close()


def wait_until(is_so: Any) -> None:
    """Wait for something that another thread does; fail after a deadline."""
    ends_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ends_s, "it did not come to be"
        time.sleep(0.005)
