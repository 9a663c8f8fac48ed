"""The settings of the data room."""

import pytest
from pydantic import ValidationError

from lumina_cli.data.config import DataConfig


@pytest.mark.parametrize("name", ["utf-8", "latin-1", "utf-16-le", "shift_jis"])
def test_an_encoding_is_one_that_python_knows(name: str) -> None:
    assert DataConfig(encoding=name).encoding == name


@pytest.mark.parametrize("name", ["klingon", "", "a\0b"])
def test_another_encoding_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no text encoding that Python knows"):
        DataConfig(encoding=name)


@pytest.mark.parametrize("paths", ["best", "all", "top-1", "top-30"])
def test_paths_are_the_best_all_or_the_first_few(paths: str) -> None:
    assert DataConfig(oasst_paths=paths).oasst_paths == paths


@pytest.mark.parametrize("paths", ["top-0", "top", "worst", "top-12345"])
def test_other_paths_are_refused(paths: str) -> None:
    with pytest.raises(ValidationError):
        DataConfig(oasst_paths=paths)


@pytest.mark.parametrize(
    ("gap", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2 d", 172_800)]
)
def test_a_pause_has_a_unit(gap: str, seconds: float) -> None:
    assert DataConfig(gap=gap).gap_s == seconds


def test_there_may_be_no_pause() -> None:
    assert DataConfig(gap="never").gap_s is None


@pytest.mark.parametrize("gap", ["6", "h", "soon", "-1h", "1e9h", ""])
def test_another_pause_is_refused(gap: str) -> None:
    with pytest.raises(ValidationError, match="must be a pause such as 30m"):
        DataConfig(gap=gap)


def test_one_bot_may_stand_alone_and_none_without_a_name() -> None:
    assert DataConfig(bot="Ben").bot == ("Ben",)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="bot must be the name of a speaker"):
        DataConfig(bot=("Ben", " "))


def test_a_setting_that_came_later_is_part_of_a_hash_only_where_it_says_something() -> None:
    assert not {"bot", "gap", "anonymize", "strip"} & set(DataConfig().hashed())
    assert DataConfig(bot=("Ben",), gap="1h").hashed()["gap"] == "1h"
    assert set(DataConfig(anonymize=True).hashed(include={"anonymize", "format"})) == {
        "anonymize",
        "format",
    }


@pytest.mark.parametrize("given", ["html, Gutenberg", "gutenberg,html", ["html", "gutenberg"]])
def test_what_is_stripped_is_the_same_in_any_order(given: object) -> None:
    config = DataConfig(strip=given)  # type: ignore[arg-type]
    assert config.strip == "gutenberg,html"
    assert config.stripped == {"gutenberg", "html"}
    assert config.hashed()["strip"] == "gutenberg,html"


def test_what_can_not_be_stripped_is_refused() -> None:
    with pytest.raises(ValidationError, match="must name some of gutenberg, xml, html, not 'pdf'"):
        DataConfig(strip="html,pdf")
