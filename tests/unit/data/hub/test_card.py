from pathlib import Path

import pytest

from lumina_cli.data.hub.card import MAX_CARD_BYTES, check_card
from lumina_cli.errors import HubError

CARD = """---
license: mit
configs:
- config_name: default
  data_files: &files ["a.jsonl", "b.jsonl"]
- config_name: again
  data_files: *files
---
# Poems
"""
TEN_OF_TEN = "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
)


def written(folder: Path, text: str, *, name: str = "README.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text", [CARD, "", "no metadata", "---\nnever: ends", "---\n]:\n---\n", "---\n- x: *none\n---"]
)
def test_a_card_in_proportion_is_left_to_the_library(tmp_path: Path, text: str) -> None:
    if "*none" in text:
        with pytest.raises(HubError):
            check_card(written(tmp_path, text), repo="a/b")
    else:
        check_card(written(tmp_path, text), repo="a/b")


@pytest.mark.parametrize(
    "metadata",
    [
        "a0: &a0 [x, x]\n" + TEN_OF_TEN,
        "a: &a [*a]",
        "? " * 200 + "x",
        "[" * 100_000,
        "{a: " * 100_000,
        "a: &a " + "x" * 40_000 + "\nb: [" + "*a, " * 1_000 + "]",
    ],
    ids=["a billion", "itself", "deep keys", "deep lists", "deep values", "a long one many times"],
)
@pytest.mark.parametrize("name", ["README.md", ".huggingface.yaml"])
def test_a_card_that_means_more_than_it_says_is_refused(
    tmp_path: Path, metadata: str, name: str
) -> None:
    text = f"---\n{metadata}\n---\n" if name == "README.md" else metadata
    with pytest.raises(HubError, match=r"of a/b means more|nested"):
        check_card(written(tmp_path, text, name=name), repo="a/b")


def test_a_card_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="longer than"):
        check_card(written(tmp_path, "x" * (MAX_CARD_BYTES + 1)), repo="a/b")
