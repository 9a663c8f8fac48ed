"""The route of the page Look: what a model makes of a text, as `lumina look --json` tells it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lumina_cli.errors import LuminaError
from lumina_cli.server.api.class_limits import client_of, refuse_many
from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import to_json
from lumina_cli.server.api.routes import queue_full
from lumina_cli.server.api.view_request import parse_view_request
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.generation.models import Look, ModelRegistry, ServedModel
from lumina_cli.server.generation.thread import GenerationThread, QueueFullError

View = Mapping[str, Any]


class LookApi:
    """Answers what is asked of the inside of models.

    Args:
        models: those that are served.
        thread: looks into them, between two steps of the texts.
        config: how much to take.
    """

    def __init__(
        self, models: ModelRegistry, thread: GenerationThread, *, config: ServeConfig
    ) -> None:
        self._models = models
        self._thread = thread
        self._is_class = config.is_class
        self._timeout_s = config.request_timeout_s
        self._searching = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/api/look", self.look, methods=["POST"])]

    async def look(self, request: Request) -> Response:
        """Answer with a view."""
        fields = parse_view_request(await request.body())
        model = self._model(fields.model)
        asked = fields.model_dump(exclude={"model"}, exclude_unset=True)
        look = model.look
        if look is None:
            raise ApiError("This model can't be looked into here.", code="unsupported_value")
        client = client_of(request)
        if self._is_class:
            refuse_many(1, num_going_on=self._thread.num_of(client))
        answer = self._search if fields.view == "source" else self._compute
        try:
            async with asyncio.timeout(self._timeout_s):
                view = await answer(look, asked, client=client)
        except QueueFullError as error:
            raise queue_full(error) from None
        except LuminaError as error:
            raise ApiError(f"{error.message}. {error.hint}".strip(), code="invalid_value") from None
        except TimeoutError:
            raise ApiError("It took too long.", status=503, code="timeout") from None
        return Response(to_json(view), media_type="application/json")

    async def _compute(self, look: Look, asked: dict[str, Any], *, client: str) -> View:
        return await self._thread.ask(lambda: look(asked), client=client)

    async def _search(self, look: Look, asked: dict[str, Any], *, client: str) -> View:
        """Look into the training text, one request at a time: no model computes meanwhile."""
        async with self._searching:
            return await asyncio.to_thread(look, asked)

    def _model(self, name: str | None) -> ServedModel:
        model = self._models.find(name) if name else self._models.default
        if model is None:
            raise ApiError(
                "There is no such model.", status=404, param="model", code="model_not_found"
            )
        return model
