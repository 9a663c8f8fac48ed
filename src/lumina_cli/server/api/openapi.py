"""The API's own description, from the requests' models; each room describes its routes."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from lumina_cli.server.api.protocol import ChatRequest, CompletionRequest
from lumina_cli.server.api.view_request import ViewName, ViewRequest

Schema = dict[str, Any]


class Description(NamedTuple):
    """What some routes take and answer: paths, and the schemas that they name."""

    paths: Schema
    schemas: Schema


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FINISH: Schema = {"enum": ["stop", "length"]}


def openapi(parts: Sequence[Description]) -> Schema:
    """Return the description of all routes, as of OpenAPI 3.1."""
    own = {
        "/health": get("Whether the server works.", "Health"),
        "/openapi.json": get("This description.", "Description"),
    }
    schemas = {
        "Health": fields_of(status={"const": "ok"}),
        "Description": fields_of(openapi=TEXT, paths={"type": "object"}),
        "Error": fields_of(
            error=fields_of(message=TEXT, type=TEXT, param=or_null(TEXT), code=or_null(TEXT))
        ),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lumina",
            "version": version("lumina-cli"),
            "description": "Models that lumina trained, by OpenAI's API, and runs of training.",
        },
        "paths": {path: each for part in parts for path, each in part.paths.items()} | own,
        "components": {
            "schemas": {name: each for part in parts for name, each in part.schemas.items()}
            | schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def api_description() -> Description:
    """Return what the routes of models take and answer."""
    schemas: Schema = {}
    chat, completion, view = (
        _schema_of(kind, schemas) for kind in (ChatRequest, CompletionRequest, ViewRequest)
    )
    paths = {
        "/v1/chat/completions": _post("The next message of a conversation.", chat, "Chat"),
        "/v1/completions": _post("A text, gone on with.", completion, "Completion"),
        "/v1/models": get("The models.", "Models"),
        "/v1/models/{model}": get("A model.", "Model", name="model"),
        "/api/look": _post("What a model makes of a text.", view, "View", streams=False),
        "/metrics": get("What the server counts.", None),
    }
    return Description(paths, schemas | _answers())


def _schema_of(kind: type[BaseModel], schemas: Schema) -> Schema:
    """Put the schema of a request and its parts among the others; return where it is."""
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas[kind.__name__] = schema
    return _ref(kind.__name__)


def _post(summary: str, request: Schema, answer: str, *, streams: bool = True) -> Schema:
    events = {"schema": fields_of(data=TEXT) | {"description": "Server-sent events."}}
    stream = {"text/event-stream": events} if streams else {}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
            "responses": {
                "200": {
                    "description": summary,
                    "content": {**_json(_ref(answer)), **stream},
                },
                **_errors("400", "401", "404", "408", "413", "429", "500", "503"),
            },
        }
    }


def get(
    summary: str,
    answer: str | None,
    *,
    name: str | None = None,
    query: Mapping[str, Schema] = MappingProxyType({}),
) -> Schema:
    """Return what a route that is read takes and answers.

    Args:
        summary: what it tells.
        answer: the name of its schema; a text without one.
        name: of the parameter in its path.
        query: parameters behind its path, by name.
    """
    content = _json(_ref(answer)) if answer else {"text/plain": {"schema": TEXT}}
    operation: Schema = {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": content},
            **_errors("401", "503"),
        },
    }
    if name:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": TEXT},
            *({"name": key, "in": "query", "schema": each} for key, each in query.items()),
        ]
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


def fields_of(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def list_of(of: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of}


def or_null(schema: Schema) -> Schema:
    """Return the schema of what may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _answers() -> Schema:
    likely = fields_of(
        token=TEXT, logprob={"type": "number"}, bytes=or_null(list_of({**COUNT, "maximum": 255}))
    )
    token = {**likely, "properties": {**likely["properties"], "top_logprobs": list_of(likely)}}
    lumina = fields_of(seed={"type": "integer"}, notices=list_of(TEXT))
    usage = fields_of(prompt_tokens=COUNT, completion_tokens=COUNT, total_tokens=COUNT)
    head = {
        "id": TEXT,
        "created": COUNT,
        "model": TEXT,
        "system_fingerprint": TEXT,
        "usage": usage,
        "lumina": lumina,
    }
    facts = fields_of(
        context_length=COUNT,
        num_parameters=COUNT,
        tokenizer=TEXT,
        digest=TEXT,
        conversations={"type": "boolean"},
        sampling={"type": "object"},
    )
    model = fields_of(
        id=TEXT, object={"const": "model"}, created=COUNT, owned_by=TEXT, lumina=facts
    )
    return {
        "Chat": fields_of(
            **head,
            object={"const": "chat.completion"},
            choices=list_of(
                fields_of(
                    index=COUNT,
                    message=fields_of(role={"const": "assistant"}, content=TEXT),
                    logprobs=or_null(fields_of(content=list_of(token))),
                    finish_reason=FINISH,
                )
            ),
        ),
        "Completion": fields_of(
            **head,
            object={"const": "text_completion"},
            choices=list_of(
                fields_of(
                    index=COUNT,
                    text=TEXT,
                    logprobs=or_null(_legacy_logprobs()),
                    finish_reason=FINISH,
                )
            ),
        ),
        "Models": fields_of(object={"const": "list"}, data=list_of(model)),
        "Model": model,
        "View": fields_of(view={"enum": list(get_args(ViewName))}),
    }


def _legacy_logprobs() -> Schema:
    number = {"type": "number"}
    return fields_of(
        tokens=list_of(TEXT),
        token_logprobs=list_of(number),
        top_logprobs=list_of({"type": "object", "additionalProperties": number}),
        text_offset=list_of(COUNT),
    )
