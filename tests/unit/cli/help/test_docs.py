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
