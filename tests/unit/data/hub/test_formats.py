import pytest

from lumina_cli.data.hub.formats import refuse_packed, refuse_unread
from lumina_cli.errors import HubError


@pytest.mark.parametrize(
    "names",
    [
        ["README.md", "train.arrow"],
        ["data.zip", "LICENSE"],
        ["pictures/1.png"],
        ["data/train-00000.tar"],
        ["train.h5", "x.bin"],
    ],
)
def test_a_data_set_without_a_file_that_is_read_is_refused(names: list[str]) -> None:
    with pytest.raises(HubError, match="does not read") as refusal:
        refuse_unread("a/b", names)
    assert "lumina data fetch a/b --revision refs/convert/parquet" in str(refusal.value.hint)
    assert "--from PATH" in str(refusal.value.hint)


@pytest.mark.parametrize(
    "names",
    [
        ["train.jsonl"],
        ["data/Train.JSON.gz", "old.zip"],
        ["a.parquet"],
        ["a.csv"],
        ["poems.txt"],
        ["README.md"],
        [],
    ],
)
def test_a_data_set_with_one_goes_on(names: list[str]) -> None:
    refuse_unread("a/b", names)


@pytest.mark.parametrize("name", ["a.jsonl.zip", "a.json.bz2", "a.csv.XZ", "a.jsonl.zst"])
def test_files_in_an_archive_are_refused_before_they_are_downloaded(name: str) -> None:
    with pytest.raises(HubError, match="does not read"):
        refuse_packed("a/b", ["good.jsonl", name])
    refuse_packed("a/b", ["good.jsonl", "zip.jsonl", "a.zip.jsonl", "a.jsonl.gz", "zip"])
