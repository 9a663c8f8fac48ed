"""The pages of documentation that travel with the program."""

from pathlib import Path

import pytest

from lumina_cli.cli.help import docs
from lumina_cli.errors import MissingInputError
from tests.cli.command_line import lumina

PAGES = sorted((Path(__file__).parents[4] / "docs").glob("*.md"))


def test_every_page_is_listed_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("docs") == 0
    shown = capsys.readouterr().out
    for page in PAGES:
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert any(line.split() == [page.stem, *title.split()] for line in shown.splitlines())


@pytest.mark.parametrize("name", ["data", "data.md", "docs/data.md", "DATA"])
def test_a_page_is_printed_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("docs", name) == 0
    page = next(page for page in PAGES if page.name == "data.md")
    assert capsys.readouterr().out.strip() == page.read_text(encoding="utf-8").strip()


def test_pages_that_were_not_installed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "_in_source_tree", lambda: iter(()))
    monkeypatch.setattr(docs, "_installed", lambda: iter(()))
    with pytest.raises(MissingInputError, match="not installed"):
        docs.pages()


@pytest.mark.parametrize("width", [60, 100])
def test_on_a_terminal_a_page_breaks_between_words(width: int) -> None:
    page = (
        "# The words\n\nSee [data.md](data.md#split) or <https://example.org>, and *read*.\n\n"
        "| word | what it means |\n|---|---|\n| **step** | " + "characters " * 20 + "|\n\n"
        "```\nlumina train --data book.txt --minutes 10\n```\n"
    )
    shown = docs.as_plain_text(page, width=width)
    assert all(len(line) <= width for line in shown.splitlines())
    assert shown.split().count("characters") == 20
    assert "See data.md or" in shown
    assert "lumina train --data book.txt --minutes 10" in shown
    assert not set("*|`#\x1b") & set(shown)
