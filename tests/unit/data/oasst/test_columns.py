"""Messages in the columns of the hub."""

import pytest

from lumina_cli.data.oasst.columns import OASST_COLUMNS, as_on_the_hub


def test_a_message_has_all_columns_and_no_others() -> None:
    row = as_on_the_hub({"message_id": "a", "text": "b", "replies": [], "extra": 1})
    assert tuple(row) == OASST_COLUMNS
    assert {key: value for key, value in row.items() if value is not None} == {
        "message_id": "a",
        "text": "b",
    }


@pytest.mark.parametrize(
    ("emojis", "expected"),
    [
        ({"+1": 3, "_skip": 1}, {"name": ["+1", "_skip"], "count": [3, 1]}),
        ({"name": ["+1"], "count": [3]}, {"name": ["+1"], "count": [3]}),
        ({}, None),
        (None, None),
    ],
)
def test_emojis_of_an_export_become_two_lists(emojis: object, expected: object) -> None:
    assert as_on_the_hub({"emojis": emojis})["emojis"] == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            {"spam": {"value": 0.5, "count": 2}, "toxicity": {"value": 0.0}},
            {"name": ["spam", "toxicity"], "value": [0.5, 0.0], "count": [2, None]},
        ),
        ({"spam": 1}, None),
        (None, None),
    ],
)
def test_labels_of_an_export_become_three_lists(labels: object, expected: object) -> None:
    assert as_on_the_hub({"labels": labels})["labels"] == expected
