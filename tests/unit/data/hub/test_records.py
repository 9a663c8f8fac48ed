"""Records of what was downloaded: read back with every value checked."""

from pathlib import Path

import pytest

from lumina_cli.data.hub.listing import Listed
from lumina_cli.data.hub.records import Record, read_record, save_record

RECORD = Record(
    repo="a/b",
    asked_revision="main",
    revision="abc",
    licence="MIT",
    parts={"train": ["x.jsonl"]},
    listed={"x.jsonl": Listed(3, "ff", "")},
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("revision", ["main", "abc"])
def test_a_record_is_found_by_what_was_asked_for_and_by_the_exact_revision(revision: str) -> None:
    save_record(RECORD)
    assert read_record("a/b", revision=revision) == RECORD


def test_of_another_revision_or_data_set_there_is_none() -> None:
    save_record(RECORD)
    assert read_record("a/b", revision="other") is None
    assert read_record("a/c", revision="main") is None


@pytest.mark.parametrize(
    "content", ["", "{}", "null", "5", "[" * 100_000, '{"repo": 5}', "\x00", '{"parts": {"a": 1}}']
)
def test_a_record_that_makes_no_sense_is_none(tmp_path: Path, content: str) -> None:
    save_record(RECORD)
    (tmp_path / "hub" / "a%2Fb.json").write_text(content)
    assert read_record("a/b", revision="main") is None
