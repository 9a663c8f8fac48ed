"""The pages of documentation: in the source tree, or where the installed package put them."""

import difflib
import io
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import lumina_cli
from lumina_cli.errors import MissingInputError, UsageError

INSTALLED = "share/doc/lumina-cli"
"""Where a wheel puts them, below the root of the environment (see `pyproject.toml`)."""

_LINK_TO_PAGE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)\s]+\)")
"""Nobody can follow it on a terminal; what it says names the page."""


def pages() -> Mapping[str, Path]:
    """Return each page by its name, in the order of names.

    Raises:
        MissingInputError: they were not installed.
    """
    found = {path.stem: path for path in sorted([*_in_source_tree()] or [*_installed()])}
    if not found:
        raise MissingInputError(
            "the documentation was not installed with this lumina",
            hint="Every command explains itself: lumina --help",
        )
    return found


def title_of(page: Path) -> str:
    """Return the first heading of a page."""
    with page.open(encoding="utf-8") as lines:
        return next((line[2:].strip() for line in lines if line.startswith("# ")), page.stem)


def read_page(name: str) -> str:
    """Return the text of a page.

    Raises:
        UsageError: there is no such page.
    """
    found = pages()
    wanted = Path(name).stem.lower()
    if wanted in found:
        return found[wanted].read_text(encoding="utf-8")
    close = difflib.get_close_matches(wanted, found, n=1)
    raise UsageError(
        f"there is no page {name!r}",
        hint=f"Did you mean: lumina docs {close[0]}" if close else "See: lumina docs",
    )


def _in_source_tree() -> Iterator[Path]:
    root = Path(lumina_cli.__file__).parents[2]
    if (root / "pyproject.toml").is_file():
        yield from (root / "docs").glob("*.md")


def _installed() -> Iterator[Path]:
    try:
        listed = files("lumina-cli") or []
    except PackageNotFoundError:  # run from a copy of the source
        return
    for each in listed:
        path = Path(str(each.locate()))
        if path.suffix == ".md" and path.as_posix().endswith(f"{INSTALLED}/{path.name}"):
            yield path


def as_plain_text(page: str, *, width: int) -> str:
    """Return a page as lines of at most `width` columns that break between words."""
    from rich.console import Console  # noqa: PLC0415  slow, and needed on a terminal alone
    from rich.markdown import Markdown  # noqa: PLC0415

    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as shown:
        console.print(Markdown(_LINK_TO_PAGE.sub(r"\1", page), hyperlinks=False))
    return "\n".join(line.rstrip() for line in shown.get().splitlines()) + "\n"
