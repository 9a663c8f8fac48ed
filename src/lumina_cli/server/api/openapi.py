"""The API's own description, from the requests' models."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from lumina_cli.server.api.protocol import ChatRequest, CompletionRequest

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FINISH: Schema = {"enum": ["stop", "length"]}


def openapi() -> Schema:
    """Return the description, as of OpenAPI 3.1."""
    schemas: Schema = {}
    chat = _schema_of(ChatRequest, schemas)
    completion = _schema_of(CompletionRequest, schemas)
    schemas |= _answers()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lumina",
            "version": version("lumina-cli"),
            "description": "OpenAI's API for models that lumina trained.",
        },
        "paths": {
            "/v1/chat/completions": _post("The next message of a conversation.", chat, "Chat"),
            "/v1/completions": _post("A text, gone on with.", completion, "Completion"),
            "/v1/models": _get("The models.", "Models"),
            "/v1/models/{model}": _get("A model.", "Model", name="model"),
            "/health": _get("Whether the server works.", "Health"),
            "/metrics": _get("What the server counts.", None),
            "/openapi.json": _get("This description.", "Description"),
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schema_of(kind: type[BaseModel], schemas: Schema) -> Schema:
    """Put the schema of a request and its parts among the others; return where it is."""
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas[kind.__name__] = schema
    return _ref(kind.__name__)


def _post(summary: str, request: Schema, answer: str) -> Schema:
    stream = {"schema": _object(data=TEXT) | {"description": "Server-sent events."}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
            "responses": {
                "200": {
                    "description": "The texts.",
                    "content": {**_json(_ref(answer)), "text/event-stream": stream},
                },
                **_errors("400", "401", "404", "408", "413", "429", "500", "503"),
            },
        }
    }


def _get(summary: str, answer: str | None, *, name: str | None = None) -> Schema:
    content = _json(_ref(answer)) if answer else {"text/plain": {"schema": TEXT}}
    operation: Schema = {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": content},
            **_errors("401", "503"),
        },
    }
    if name:
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": TEXT}]
        operation["responses"] |= _errors("400", "404")
    return {"get": operation}


def _errors(*statuses: str) -> Schema:
    return {
        status: {"description": "Why not.", "content": _json(_ref("Error"))} for status in statuses
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _answers() -> Schema:
    likely = _object(
        token=TEXT, logprob={"type": "number"}, bytes=_or_null(_list({**COUNT, "maximum": 255}))
    )
    token = {**likely, "properties": {**likely["properties"], "top_logprobs": _list(likely)}}
    lumina = _object(seed={"type": "integer"}, notices=_list(TEXT))
    usage = _object(prompt_tokens=COUNT, completion_tokens=COUNT, total_tokens=COUNT)
    head = {
        "id": TEXT,
        "created": COUNT,
        "model": TEXT,
        "system_fingerprint": TEXT,
        "usage": usage,
        "lumina": lumina,
    }
    facts = _object(
        context_length=COUNT,
        num_parameters=COUNT,
        tokenizer=TEXT,
        digest=TEXT,
        conversations={"type": "boolean"},
        sampling={"type": "object"},
    )
    model = _object(id=TEXT, object={"const": "model"}, created=COUNT, owned_by=TEXT, lumina=facts)
    return {
        "Chat": _object(
            **head,
            object={"const": "chat.completion"},
            choices=_list(
                _object(
                    index=COUNT,
                    message=_object(role={"const": "assistant"}, content=TEXT),
                    logprobs=_or_null(_object(content=_list(token))),
                    finish_reason=FINISH,
                )
            ),
        ),
        "Completion": _object(
            **head,
            object={"const": "text_completion"},
            choices=_list(
                _object(
                    index=COUNT,
                    text=TEXT,
                    logprobs=_or_null(_legacy_logprobs()),
                    finish_reason=FINISH,
                )
            ),
        ),
        "Models": _object(object={"const": "list"}, data=_list(model)),
        "Model": model,
        "Health": _object(status={"const": "ok"}),
        "Description": _object(openapi=TEXT, paths={"type": "object"}),
        "Error": _object(
            error=_object(message=TEXT, type=TEXT, param=_or_null(TEXT), code=_or_null(TEXT))
        ),
    }


def _legacy_logprobs() -> Schema:
    number = {"type": "number"}
    return _object(
        tokens=_list(TEXT),
        token_logprobs=_list(number),
        top_logprobs=_list({"type": "object", "additionalProperties": number}),
        text_offset=_list(COUNT),
    )
