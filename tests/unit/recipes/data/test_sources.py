"""What `--data` names."""

import json
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.errors import MissingInputError
from lumina_cli.recipes.data import sources as module
from lumina_cli.recipes.data.sources import (
    contamination,
    encode_source,
    open_source,
    own_validation,
    usual_data,
)
from tests.unit.recipes.tiny import VERSE, source_and_corpus, written


def test_without_a_name_it_is_the_fetched_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match="nothing to train on") as missing:
        usual_data()
    assert "lumina data fetch oasst1" in missing.value.hint
    (tmp_path / "oasst1_data").mkdir()
    assert usual_data() == [Path("oasst1_data")]


def test_a_fetched_folder_brings_both_sides_and_nothing_else_does(tmp_path: Path) -> None:
    train, validation = (
        written(tmp_path, name=f"{side}.jsonl") for side in ("train", "validation")
    )
    assert own_validation([tmp_path]) == ([tmp_path], [])
    written(tmp_path, "{}", name="dataset.json")
    assert own_validation([tmp_path]) == ([train], [validation])
    assert own_validation([tmp_path, train]) == ([tmp_path, train], [])
    validation.unlink()
    assert own_validation([tmp_path]) == ([tmp_path], [])


def test_the_fingerprint_is_of_what_is_in_the_files(tmp_path: Path) -> None:
    def fingerprint(path: Path, **config: object) -> str:
        return open_source([path], config=DataConfig(**config)).fingerprint  # type: ignore[arg-type]

    path = written(tmp_path)
    before = fingerprint(path)
    assert fingerprint(written(tmp_path)) == before
    assert fingerprint(written(tmp_path, VERSE + ".")) != before


def test_leaks_are_of_files_and_nothing_is_said_of_those_that_are_missing(tmp_path: Path) -> None:
    path, other = written(tmp_path), written(tmp_path, "other", name="other.txt")
    (told,) = contamination([path, other], [path])
    assert told.startswith(str(path))
    assert contamination([path], [other]) == []
    assert contamination([path, Path("starter")], [path]) == []


def test_the_first_issues_are_told_and_the_others_counted(tmp_path: Path) -> None:
    report = ReadReport()
    for number in range(1, 13):
        issues = report.notices if number < 4 else report.skipped
        issues.add(f"wording {number}", Location(tmp_path, number), example="")
    lines = module._issue_lines(report)
    assert lines[0] == f"1 skipped: wording 4, first at {tmp_path}:4"
    assert [line.split(":")[0] for line in lines[:-1]] == ["1 skipped"] * 8
    assert lines[-1] == "4 more: lumina data check"


def test_what_reading_met_is_told_with_its_place(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "bot", "content": "Hello"}]}
    text = "\n".join([*[json.dumps(row)] * 400, "{broken"])
    _, corpus = source_and_corpus(written(tmp_path, text, name="rows.jsonl"))
    (told,) = corpus.issues
    assert told.startswith("1 skipped: ")
    assert told.endswith(":401")


def test_a_corpus_is_encoded_once(tmp_path: Path) -> None:
    path = written(tmp_path, VERSE + "once")
    source = open_source([path], config=DataConfig())
    first = encode_source(source, config=DataConfig(), seed=0)

    def never() -> list[object]:
        raise AssertionError("it is in the cache")

    unread = module.Source(source.names, never, source.fingerprint)  # type: ignore[arg-type]
    again = encode_source(unread, config=DataConfig(), seed=0)
    assert again.key == first.key
    assert len(again.train) == len(first.train)
