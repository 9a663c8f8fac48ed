"""The routes of the API: from a request to texts that are generated."""

import logging
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lumina_cli.chat.context import MOVED_ON
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.seeding import make_generator, new_seed
from lumina_cli.server.api.answers import Answer, AnswerPlan, Kind
from lumina_cli.server.api.class_limits import MAX_IDS, ClassLimits, client_of
from lumina_cli.server.api.delivery import Delivery
from lumina_cli.server.api.errors import ApiError, unsupported
from lumina_cli.server.api.prompts import Prompt, chat_prompt, text_prompt, told
from lumina_cli.server.api.protocol import (
    MAX_TEXTS,
    ChatRequest,
    CompletionRequest,
    SamplingFields,
    parse_request,
    to_json,
)
from lumina_cli.server.api.sampling import bias_of, sampling_of
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.generation.models import ModelRegistry, ServedModel
from lumina_cli.server.generation.texts import TextRequest
from lumina_cli.server.generation.thread import GenerationThread, QueueFullError
from lumina_cli.server.http.access_log import escaped
from lumina_cli.server.metrics import CONTENT_TYPE, Metrics

logger = logging.getLogger("lumina.server")

RETRY_AFTER_S = 2
PURPOSES: dict[Kind, str] = {"chat": "reply", "text": "text"}
"""What seeds are for: as in `lumina chat` and `lumina generate`, so that a seed gives the same."""

NO_CONVERSATIONS = "the model learnt no conversations, so a reply goes on like its texts"

Fields = TypeVar("Fields", bound=SamplingFields)


class Api:
    """What is asked of the server, and how it is answered.

    Args:
        models: those that are served.
        thread: generates their texts.
        config: how much to take.
        metrics: counts.
    """

    def __init__(
        self,
        models: ModelRegistry,
        thread: GenerationThread,
        *,
        config: ServeConfig,
        metrics: Metrics,
    ) -> None:
        self._models = models
        self._thread = thread
        self._config = config
        self._metrics = metrics
        self._limits = ClassLimits() if config.is_class else None

    def routes(self) -> list[Route]:
        """Return the API's routes."""
        return [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.complete, methods=["POST"]),
            Route("/v1/models", self.list_models, methods=["GET"]),
            Route("/v1/models/{model}", self.show_model, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def chat(self, request: Request) -> Delivery:
        """Answer a conversation."""
        fields, notices = await self._parse(request, ChatRequest)
        model = self._model(fields.model)
        prompt = chat_prompt(fields, model)
        more = prompt.notices if model.has_conversations else [*prompt.notices, NO_CONVERSATIONS]
        if fields.max_tokens and fields.max_completion_tokens:
            raise unsupported("max_tokens", "max_completion_tokens stands beside it")
        if fields.top_logprobs and not fields.logprobs:
            raise unsupported("top_logprobs", "it has no effect without logprobs")
        return self._generate(
            request,
            fields,
            model,
            kind="chat",
            prompts=[prompt._replace(notices=[])],
            notices=[*notices, *more],
            max_ids=fields.max_completion_tokens or fields.max_tokens,
            num_top_logprobs=(fields.top_logprobs or 0) if fields.logprobs else None,
        )

    async def complete(self, request: Request) -> Delivery:
        """Go on with a text."""
        fields, notices = await self._parse(request, CompletionRequest)
        model = self._model(fields.model)
        texts = [fields.prompt] if isinstance(fields.prompt, str) else fields.prompt
        truncate = bool(fields.truncate)
        return self._generate(
            request,
            fields,
            model,
            kind="text",
            prompts=[text_prompt(text, model, truncate=truncate) for text in texts],
            notices=notices,
            max_ids=fields.max_tokens,
            num_top_logprobs=fields.logprobs,
        )

    async def list_models(self, request: Request) -> Response:
        """Tell of all models."""
        data = [_describe(model) for model in self._models.all()]
        return _json({"object": "list", "data": data})

    async def show_model(self, request: Request) -> Response:
        """Tell of one model."""
        return _json(_describe(self._model(request.path_params["model"])))

    async def health(self, request: Request) -> Response:
        """Tell whether texts are generated."""
        if not self._thread.is_alive:
            raise ApiError("The server can't generate texts any more.", status=503, code="broken")
        return _json({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Tell what was counted."""
        text = self._metrics.text(
            num_running=self._thread.num_running, num_waiting=self._thread.num_waiting
        )
        return Response(text, headers={"content-type": CONTENT_TYPE})

    async def _parse(self, request: Request, kind: type[Fields]) -> tuple[Fields, list[str]]:
        body = await request.body()
        if self._config.log_prompts:
            logger.info("asked: %s", escaped(body.decode("utf-8", errors="replace")))
        return parse_request(body, kind)

    def _model(self, name: str | None) -> ServedModel:
        model = self._models.find(name) if name else self._models.default
        if model is None:
            names = ", ".join(each.name for each in self._models.all())
            raise ApiError(
                f"There is no model {name!r} (there is: {names}).",
                status=404,
                param="model",
                code="model_not_found",
            )
        return model

    def _generate(
        self,
        request: Request,
        fields: SamplingFields,
        model: ServedModel,
        *,
        kind: Kind,
        prompts: Sequence[Prompt],
        notices: Sequence[str],
        max_ids: int | None,
        num_top_logprobs: int | None,
    ) -> Delivery:
        """Let the texts of a request be generated, and return their answer."""
        if fields.stream_options and not fields.stream:
            raise unsupported("stream_options", "it has no effect without stream")
        if len(prompts) * (fields.n or 1) > MAX_TEXTS:
            raise ApiError(
                f"One request may ask for {MAX_TEXTS} texts at most.",
                param="n",
                code="invalid_value",
            )
        if self._limits is not None:
            max_ids = min(max_ids or MAX_IDS, MAX_IDS)
        config, more = sampling_of(fields, model.sampling, max_ids=max_ids)
        told_of_prompts = [notice for prompt in prompts for notice in prompt.notices]
        seed = _seed(fields, model.sampling)
        texts = _texts(
            [prompt for prompt in prompts for _ in range(fields.n or 1)],
            fields,
            model,
            config=config,
            seed=seed,
            purpose=PURPOSES[kind],
            max_ids=max_ids,
            num_top_logprobs=num_top_logprobs or 0,
        )
        plan = AnswerPlan(
            kind=kind,
            model=model,
            num_prompt_ids=sum(prompt.num_ids for prompt in prompts),
            prompt_lengths=[len(text.prompt_ids) for text in texts],
            seed=seed,
            has_logprobs=num_top_logprobs is not None,
            has_usage=bool(fields.stream_options and fields.stream_options.include_usage),
            notices=list(dict.fromkeys([*notices, *told_of_prompts, *more])),
        )
        return self._deliver(request, texts, plan, is_stream=bool(fields.stream))

    def _deliver(
        self, request: Request, texts: Sequence[TextRequest], plan: AnswerPlan, *, is_stream: bool
    ) -> Delivery:
        client = client_of(request)
        if self._limits is not None:
            going_on = self._thread.num_of(client)
            self._limits.admit(client, num_texts=len(texts), num_going_on=going_on)
        try:
            generation = self._thread.submit(plan.model, texts, client=client)
        except QueueFullError as error:
            raise queue_full(error) from None
        answer, began_s = Answer(plan), time.monotonic()

        def on_first() -> None:
            self._metrics.time_to_first_token.observe(time.monotonic() - began_s)

        def on_end() -> None:
            self._metrics.count_ids(prompt=plan.num_prompt_ids, output=answer.num_ids)
            if self._config.log_prompts:
                logger.info("answered: %s", escaped(answer.text))

        return Delivery(
            generation,
            answer,
            is_stream=is_stream,
            timeout_s=self._config.request_timeout_s,
            moved_on=told(MOVED_ON, plan.model),
            on_first=on_first,
            on_end=on_end,
        )


def _texts(
    prompts: Sequence[Prompt],
    fields: SamplingFields,
    model: ServedModel,
    *,
    config: SamplingConfig,
    seed: int,
    purpose: str,
    max_ids: int | None,
    num_top_logprobs: int,
) -> list[TextRequest]:
    bias = bias_of(fields, vocab_size=model.tokenizer.vocab_size)
    return [
        TextRequest(
            prompt.ids,
            config,
            make_generator(seed, f"{purpose} {number}"),
            max_ids=max_ids,
            logit_bias=bias,
            num_top_logprobs=num_top_logprobs,
            held_text=prompt.held_text,
        )
        for number, prompt in enumerate(prompts)
    ]


def _seed(fields: SamplingFields, defaults: SamplingConfig) -> int:
    if fields.seed is not None:
        return fields.seed
    return new_seed() if defaults.seed is None else defaults.seed


def queue_full(error: QueueFullError) -> ApiError:
    """Return the error for a request for which there is no place."""
    if error.is_for_ever:
        return ApiError("The server has not so many places.", param="n", code="invalid_value")
    return ApiError(
        "Too many texts are waiting already. Try again in a moment.",
        status=429,
        code="queue_full",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _describe(model: ServedModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "lumina",
        "lumina": {
            "context_length": model.seq_length,
            "num_parameters": model.num_parameters,
            "tokenizer": model.tokenizer.kind,
            "digest": model.file.digest,
            "conversations": model.has_conversations,
            "sampling": model.sampling.model_dump(mode="json"),
        },
    }


def _json(content: object) -> Response:
    return Response(to_json(content), media_type="application/json")
