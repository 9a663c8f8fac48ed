"""OASST messages in the columns that the data set has on the hub, whatever they come from."""

from collections.abc import Mapping
from typing import Any

from lumina_cli.data.rows import Record

OASST_COLUMNS = (
    "message_id",
    "parent_id",
    "user_id",
    "created_date",
    "text",
    "role",
    "lang",
    "review_count",
    "review_result",
    "deleted",
    "rank",
    "synthetic",
    "model_name",
    "detoxify",
    "message_tree_id",
    "tree_state",
    "emojis",
    "labels",
)


def as_on_the_hub(record: Record) -> dict[str, Any]:
    """Return a message in the columns of the hub, None where it has no value.

    The exports of trees have {"+1": 3} where the hub has {"name": ["+1"], "count": [3]}.
    """
    row = {column: record.get(column) for column in OASST_COLUMNS}
    row["emojis"] = _emojis(row["emojis"])
    row["labels"] = _labels(row["labels"])
    return row


def _emojis(value: Any) -> Any:
    if not isinstance(value, Mapping) or "name" in value:
        return value
    return {"name": list(value), "count": list(value.values())} if value else None


def _labels(value: Any) -> Any:
    if not isinstance(value, Mapping) or "name" in value:
        return value
    if not all(isinstance(label, Mapping) for label in value.values()):
        return None
    return {
        "name": list(value),
        "value": [label.get("value") for label in value.values()],
        "count": [label.get("count") for label in value.values()],
    }
