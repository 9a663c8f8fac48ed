import pytest

from lumina_cli.cli.app import drop_impossible_sizes


@pytest.mark.parametrize(
    "size", ["", "0", "-5", "abc", "²", "٣", "1.5", "10000", "1000000000", "9" * 5_000, " 80"]
)
def test_a_size_that_no_terminal_has_is_not_taken(size: str) -> None:
    environ = {"COLUMNS": size, "LINES": size, "TERMINAL_WIDTH": size, "TERM": "xterm"}
    drop_impossible_sizes(environ)
    assert environ == {"TERM": "xterm"}


@pytest.mark.parametrize("size", ["1", "80", "9999"])
def test_the_size_of_a_terminal_is_taken(size: str) -> None:
    environ = {"COLUMNS": size}
    drop_impossible_sizes(environ)
    assert environ == {"COLUMNS": size}
