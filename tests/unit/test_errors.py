"""The tree of errors and its exit codes."""

import re

import pytest

from lumina_cli import errors


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("LuminaError", 1),
        ("UsageError", 2),
        ("DataError", 65),
        ("ModelFileError", 65),
        ("MissingInputError", 66),
        ("HubError", 69),
        ("OutputError", 73),
        ("StorageError", 74),
        ("OutOfMemoryError", 75),
        ("DivergedError", 76),
    ],
)
def test_each_error_has_the_exit_code_that_scripts_rely_on(name: str, exit_code: int) -> None:
    assert getattr(errors, name).exit_code == exit_code
    assert issubclass(getattr(errors, name), errors.LuminaError)


def test_the_tree_that_is_told_is_the_tree_there_is() -> None:
    assert errors.__doc__ is not None
    told = dict(re.findall(r"(\w+Error) +(?:exit +)?(\d+)", errors.__doc__))
    there = {
        name: str(kind.exit_code)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.LuminaError)
    }
    assert told == there


def test_an_error_is_its_message_and_a_hint() -> None:
    error = errors.DataError("line 3 is broken", hint="Mend it.")
    assert (str(error), error.message, error.hint) == (
        "line 3 is broken",
        "line 3 is broken",
        "Mend it.",
    )
    assert errors.DataError("line 3 is broken").hint == ""
