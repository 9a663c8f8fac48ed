"""Fields of a row: roles and texts, or the reason why they are none."""

from pathlib import Path

import pytest

from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import (
    BadRow,
    RowNotes,
    first_key,
    non_blank,
    optional_text,
    role_of,
    text_of,
    type_name,
)


@pytest.mark.parametrize(
    ("name", "role"), [("prompter", "user"), (" Assistant ", "bot"), ("SYSTEM", "system")]
)
def test_a_role_is_known_by_its_names_in_any_case(name: str, role: str) -> None:
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("value", "wording"),
    [(None, "its role is missing"), ("boss", "its role is unknown")],
)
def test_a_role_that_is_none_says_why(value: object, wording: str) -> None:
    with pytest.raises(BadRow, match=wording):
        role_of(value)


@pytest.mark.parametrize(
    ("record", "wording"),
    [
        ({}, "its text is missing"),
        ({"text": " \n"}, "its text is empty"),
        ({"text": 5}, "its text is a number, not text"),
        ({"text": True}, "its text is true or false, not text"),
        ({"text": ["a"]}, "its text is a list, not text"),
        ({"text": {}}, "its text is an object, not text"),
    ],
)
def test_a_text_that_is_none_says_why(record: dict[str, object], wording: str) -> None:
    with pytest.raises(BadRow) as caught:
        text_of(record, "text")
    assert caught.value.wording == wording


def test_an_optional_text_may_be_blank_or_missing_and_nothing_else() -> None:
    assert optional_text({"context": " a "}, "context") == " a "
    assert [optional_text(each, "context") for each in ({}, {"context": " "})] == ["", ""]
    with pytest.raises(BadRow, match="its context is a number"):
        optional_text({"context": 4}, "context")


def test_the_order_of_the_keys_decides_not_that_of_the_row() -> None:
    assert first_key(("user", "prompt"), {"prompt": 1, "user": 2}) == "user"
    assert first_key(("user",), {}) is None


def test_null_has_a_name_too() -> None:
    assert type_name(None) == "null"
    assert non_blank("a", "it") == "a"


def test_an_example_is_cut_to_a_line() -> None:
    report = ReadReport()
    RowNotes(report, Location(Path("x"), 3)).notice("why", example="a" * 1000)
    [(wording, issue)] = report.notices
    assert (wording, str(issue.first), len(issue.example)) == ("why", "x:3", 80)
    assert len(BadRow("why", example="a" * 1000).example) == 80
