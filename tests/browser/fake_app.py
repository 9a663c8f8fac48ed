"""The page beside an API that says what a test wants, on a port of the loopback."""

import json
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lumina_cli.server.page import page_routes
from tests.browser.fake_server import DEADLINE_S, FakeApi, Reply, events, wait_until


def error(status: int, message: str, **headers: str) -> Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return JSONResponse(body, status_code=status, headers=headers)


def kept(route: Route) -> Route:
    """Return a route of the page whose answers a browser keeps: asking for each anew takes long."""

    async def send(request: Request) -> Response:
        answer: Response = await route.endpoint(request)
        answer.headers["Cache-Control"] = "max-age=3600"
        return answer

    return Route(route.path, send)


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
        *map(kept, page_routes()),
        Route("/v1/models", models),
        Route("/v1/chat/completions", complete, methods=["POST"]),
    ]
    return Starlette(routes=routes)


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
