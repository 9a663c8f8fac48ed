"""What the routes of runs take and answer."""

from lumina_cli.server.api.openapi import (
    COUNT,
    TEXT,
    Description,
    Schema,
    fields_of,
    get,
    list_of,
    or_null,
)
from lumina_cli.server.runs.routes import DEFAULT_POINTS, MAX_AFTER, MAX_POINTS, MIN_POINTS

_NUMBER: Schema = {"type": "number"}
_STEP: Schema = {"type": "integer"}
_STATE: Schema = {"enum": ["running", "finished", "interrupted", "stopped", "empty"]}


def run_description() -> Description:
    """Return the routes and their schemas."""
    after = {**COUNT, "maximum": MAX_AFTER, "default": 0}
    points = {
        "type": "integer",
        "minimum": MIN_POINTS,
        "maximum": MAX_POINTS,
        "default": DEFAULT_POINTS,
    }
    paths = {
        "/api/runs": get("The runs in the folder, the newest first.", "Runs"),
        "/api/runs/{name}/events": get(
            "What has happened in a run since a byte of its file of events.",
            "Events",
            name="name",
            query={"after": after},
        ),
        "/api/runs/{name}/curve": get(
            "All that is drawn of a run.", "Curve", name="name", query={"points": points}
        ),
    }
    not_modified = {"304": {"description": "It is what If-None-Match names."}}
    paths["/api/runs/{name}/curve"]["get"]["responses"] |= not_modified
    return Description(paths, _answers())


def _answers() -> Schema:
    point = {**list_of(_NUMBER), "minItems": 5, "maxItems": 5}
    at_step = list_of(fields_of(step=_STEP, text=TEXT))
    return {
        "Runs": fields_of(
            runs=list_of(fields_of(name=TEXT, model=TEXT, state=_STATE, modified_s=_NUMBER))
        ),
        "Events": fields_of(
            events=list_of(fields_of(event=TEXT, step=_STEP)), next=COUNT, more={"type": "boolean"}
        ),
        "Curve": fields_of(
            name=TEXT,
            state=_STATE,
            state_text=TEXT,
            words=list_of(TEXT),
            step=_STEP,
            progress=or_null(_NUMBER),
            left_s=or_null(_NUMBER),
            next=COUNT,
            curves=fields_of(
                training=list_of(point), validation=list_of(point), base=list_of(point)
            ),
            marks=list_of(fields_of(kind=TEXT, name=TEXT, nats=_NUMBER)),
            samples=list_of(
                fields_of(
                    number=_STEP,
                    prompt=or_null(TEXT),
                    is_told={"type": "boolean"},
                    texts=at_step,
                )
            ),
            snapshots=list_of(_STEP),
            happened=at_step,
            settings={"type": "object", "additionalProperties": TEXT},
        ),
    }
