"""Rows that are alike, and texts that nobody looks into."""

import pytest

from lumina_cli.data.uniform.columns import are_few, are_ordinary, records_of, text_column


def test_objects_with_the_same_keys_in_one_order_are_alike() -> None:
    rows = [{"a": 1, "b": 2}, {"a": None, "b": []}]
    assert records_of(rows) == (rows, ("a", "b"))


@pytest.mark.parametrize("odd", [{"b": 1, "a": 2}, {"a": 1}, ["a", "b"], None, "ab"])
def test_one_other_value_makes_them_unlike(odd: object) -> None:
    assert records_of([{"a": 1, "b": 2}, odd]) is None


def test_a_column_of_texts_has_no_blank_and_no_other_value() -> None:
    assert text_column([{"a": "x"}, {"a": "y"}], "a") == ["x", "y"]
    for odd in ("", " ", "\n\u2028", None, 3, ["x"]):
        assert text_column([{"a": "x"}, {"a": odd}], "a") is None


@pytest.mark.parametrize(
    "odd",
    ["<|bot|>", "<|im_start|>", "[/INST]", "### Human:", "a\n\nAssistant: b", "cafÃ©", "\ud800"],
)
def test_what_anybody_looks_for_is_not_ordinary(odd: str) -> None:
    assert are_ordinary(["<b> # ]", "é日😀", "\n\nA"])
    assert not are_ordinary(["a", f"b {odd} c", "d"])


def test_rows_with_endless_keys_are_not_remembered() -> None:
    assert are_few(("user", "bot"))
    assert not are_few(tuple(map(str, range(100))))
    assert not are_few(("x" * 2000,))
    assert not are_few(())
