"""Data sets by their names."""

from pathlib import Path

import pytest

from lumina_cli.data.hub.registry import KNOWN_DATASETS, find_dataset


@pytest.mark.parametrize("name", ["oasst1", "OASST1", "OpenAssistant/oasst1"])
def test_a_known_data_set_is_found_by_its_name_and_that_on_the_hub(name: str) -> None:
    found = find_dataset(name)
    assert found is KNOWN_DATASETS["oasst1"]
    assert found.folder == Path("oasst1_data")


def test_any_other_of_the_hub_is_named_with_its_owner() -> None:
    found = find_dataset("some/thing")
    assert found is not None
    assert (found.repo, found.folder) == ("some/thing", Path("some--thing_data"))


@pytest.mark.parametrize("name", ["", "oasst", "a/b/c", "/b", "a/", "./data", "../x"])
def test_other_names_name_nothing(name: str) -> None:
    assert find_dataset(name) is None
