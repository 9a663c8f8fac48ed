"""The docs name no command and no flag that isn't there."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.cli.lazy import COMMANDS, load_command

REPOSITORY = Path(__file__).parents[3]
PAGES = sorted(
    page
    for folder in (REPOSITORY, REPOSITORY / "docs", REPOSITORY / "docs" / "decisions")
    for page in folder.glob("*.md")
    if page.name not in {"CHANGELOG.md", "cli.md"}  # one tells of the past, one is made from help
)
CODE = re.compile(r"```\w*\n(?P<block>.*?)```|`(?P<inline>[^`]+)`", re.DOTALL)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OF_EVERY_COMMAND = {"--help", "--help-all", "--version", "--install-completion"}


def pieces_of_code(text: str) -> Iterator[str]:
    """Yield each line of a block and each inline code of a page."""
    for match in CODE.finditer(text):
        if match["block"] is not None:
            yield from match["block"].splitlines()
        else:
            yield " ".join(match["inline"].split())


@cache
def load(name: str) -> Any:
    return load_command(name)


def flags_of(command: Any) -> set[str]:
    """Return the flags that the help of a command shows."""
    options = [each for each in command.params if not getattr(each, "hidden", False)]
    flags = {flag for each in options for flag in [*each.opts, *each.secondary_opts]}
    return OF_EVERY_COMMAND | flags


def flags_of_all() -> set[str]:
    """Return the flags that the help of any command shows."""
    commands = [load(name) for name in COMMANDS]
    every = [each for one in commands for each in (one, *getattr(one, "commands", {}).values())]
    return set().union(*map(flags_of, every))


def faults_in(code: str) -> Iterator[str]:
    """Yield what a piece of code names that isn't there."""
    words = _words(code)
    for position, word in enumerate(words):
        if position and words[position - 1].startswith("-"):
            continue  # the value of a flag, as in `llm -m lumina`
        if word == "lumina" or word.endswith(("/lumina", "\\lumina")):
            yield from _faults_in_command(words[position + 1 :])
            return
        if word.startswith("benchmarks/") and word.endswith(".py"):
            script = (REPOSITORY / word).read_text(encoding="utf-8")
            yield from (flag for flag in FLAG.findall(code) if f'"{flag}"' not in script)
            return
    if words and words[0].startswith("--"):
        yield from set(FLAG.findall(code)) - flags_of_all()


def _words(code: str) -> list[str]:
    try:
        return shlex.split(code, comments=True, posix="\\" not in code)
    except ValueError:  # an apostrophe in prose
        return code.split()


def _faults_in_command(words: list[str]) -> Iterator[str]:
    flags = set(FLAG.findall(" ".join(words)))
    if not words or words[0].startswith("-"):
        yield from flags - OF_EVERY_COMMAND
        return
    name, *rest = words
    if name not in COMMANDS:
        yield name
        return
    command = load(name)
    members = getattr(command, "commands", None)
    if members and rest and not rest[0].startswith("-"):
        if rest[0] not in members:
            yield rest[0]
            return
        command = members[rest[0]]
    yield from flags - flags_of(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_command_and_flag_in_the_docs_exists(page: Path) -> None:
    faults = [
        f"{fault} in: {code}"
        for code in pieces_of_code(page.read_text(encoding="utf-8"))
        for fault in faults_in(code)
    ]
    assert faults == []


@pytest.mark.parametrize(
    "code",
    [
        "lumina trian --preset demo",
        "lumina train --positions rotary",
        "lumina data chekc FILE",
        "lumina data check --replay off",
        "--mend-mojibake",
        "python benchmarks/reading.py --gb 1",
        ".venv/bin/lumina chat --modle x",
    ],
)
def test_a_command_or_flag_that_is_not_there_is_found(code: str) -> None:
    assert list(faults_in(code)) != []


def test_lumina_as_the_value_of_a_flag_is_no_command() -> None:
    assert list(faults_in('llm -m lumina "Hello"')) == []
