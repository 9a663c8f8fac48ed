"""Fetching a data set: its parts (whole fetches are in tests/recipes)."""

import json
from pathlib import Path

import pytest

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.hub.dataset_folder import Manifest
from lumina_cli.data.hub.registry import KnownDataset
from lumina_cli.data.report import ReadReport
from lumina_cli.errors import DataError, MissingInputError, UsageError
from lumina_cli.recipes.data import fetch as module
from lumina_cli.recipes.data.fetch import Fetched, Stage, fetch, known_data
from tests.unit.recipes.tiny import written


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a data set: a file of 2,500 rows."""
    row = {"instruction": "Say hi", "output": "Hi", "licence": "mine"}
    return written(tmp_path, (json.dumps(row) + "\n") * 2_500, name="rows.jsonl")


def test_it_says_how_far_it_is_and_last_what_there_is(copy: Path, tmp_path: Path) -> None:
    events = list(fetch("me/rows", out=tmp_path / "out", local_copy=copy))
    assert events[0] == Stage("looking for me/rows")
    assert [event.done for event in events[1:-1] if isinstance(event, Stage)] == [0, 1000, 2000]
    last = events[-1]
    assert isinstance(last, Fetched)
    assert (last.folder, last.was_there) == (tmp_path / "out", False)
    assert last.manifest["rows"] == {"train": 2_500}
    assert last.manifest["source"] == "me/rows, from the copy rows.jsonl"


def test_columns_that_are_no_conversation_are_left_behind(copy: Path, tmp_path: Path) -> None:
    list(fetch("me/rows", out=tmp_path / "out", local_copy=copy))
    lines = (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {"instruction": "Say hi", "output": "Hi"}


def test_what_is_there_is_not_fetched_again_unless_it_must(copy: Path, tmp_path: Path) -> None:
    options = {"out": tmp_path / "out", "local_copy": copy}
    list(fetch("me/rows", **options))  # type: ignore[arg-type]
    (event,) = fetch("me/rows", **options)  # type: ignore[arg-type]
    assert isinstance(event, Fetched)
    assert event.was_there
    copy.write_text(copy.read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    *_, again = fetch("me/rows", force=True, **options)  # type: ignore[arg-type]
    assert isinstance(again, Fetched)
    assert again.manifest["rows"] == {"train": 1}


def test_a_name_that_no_data_set_has_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data set is named nobody") as refused:
        list(fetch("nobody", out=tmp_path / "out"))
    assert "OWNER/NAME" in refused.value.hint


def test_a_copy_of_nothing_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    bad = written(tmp_path, '{"temperature": 3}\n' * 50, name="weather.jsonl")
    with pytest.raises(DataError):
        list(fetch("me/rows", out=tmp_path / "out", local_copy=bad))
    assert not (tmp_path / "out").exists()
    with pytest.raises(MissingInputError, match="holds no rows"):
        module._refuse_poor(ReadReport(), Manifest("n", "s", "", ""), name="n")


def test_what_is_known_is_listed_with_whether_it_is_here(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {each.name: each.rows for each in known_data()} == {"oasst1": None, "starter": None}
    list(fetch("oasst1", local_copy=copy))
    assert {each.name: each.rows for each in known_data()}["oasst1"] == {"train": 2_500}


def test_a_number_of_rows_that_is_not_the_hubs_is_told() -> None:
    known = KnownDataset("n", "d", "l", "me/rows", num_rows={"train": 1_000, "validation": 5})
    manifest = Manifest("n", "s", "", "", rows={"train": 1_000, "validation": 4})
    (told,) = module._issue_lines(known, manifest, ReadReport())
    assert told == "validation has 4 rows here; the hub's had 5"


def test_the_bot_has_the_name_that_data_sets_give_it() -> None:
    conversation = Conversation((Message("user", "Hi"), Message("bot", "Hello")))
    roles = [each["role"] for each in module._as_messages(conversation)["messages"]]
    assert roles == ["user", "assistant"]
