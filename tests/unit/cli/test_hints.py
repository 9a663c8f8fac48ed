"""Every hint in the source names commands, flags and pages that are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

import lumina_cli
from lumina_cli.cli.help.docs import pages
from lumina_cli.cli.help.mistakes import MEANT
from tests.unit.cli.test_docs_flags import faults_in, flags_of_all

SOURCE = Path(lumina_cli.__file__).parent
COMMAND = re.compile(r"`?\blumina (?=[a-z-])[^`().,:;]*")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
PLACEHOLDER = "X"


def texts_of(node: ast.AST) -> Iterator[str]:
    """Yield the texts in an expression, with a placeholder for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [
            each.value if isinstance(each, ast.Constant) else PLACEHOLDER for each in node.values
        ]
        yield "".join(map(str, parts))
    elif isinstance(node, ast.BoolOp | ast.IfExp | ast.BinOp):
        for child in ast.iter_child_nodes(node):
            yield from texts_of(child)


def _is_hint(node: ast.AST) -> TypeGuard[ast.keyword | ast.Assign]:
    if isinstance(node, ast.keyword):
        return node.arg == "hint"
    if not isinstance(node, ast.Assign):
        return False
    target = node.targets[0]  # a name, or an attribute of something
    return "hint" in str(getattr(target, "id", None) or getattr(target, "attr", ""))


def hints() -> Iterator[tuple[str, str]]:
    """Yield each hint with where it stands: the argument, or a constant that is used as one."""
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "hint" not in source:
            continue
        tree = ast.parse(source)
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        where = str(path.relative_to(SOURCE))
        for node in ast.walk(tree):
            value = None
            if _is_hint(node):
                value = node.value
            if isinstance(value, ast.Name):
                value = constants.get(value.id)
            if value is not None:
                yield from ((where, text) for text in texts_of(value) if text)


HINTS = sorted(set(hints()))


def test_the_hints_are_found() -> None:
    assert len(HINTS) > 100


@pytest.mark.parametrize(("where", "hint"), HINTS)
def test_a_hint_names_what_is_there(where: str, hint: str) -> None:
    commands = COMMAND.findall(hint)
    faults = [fault for command in commands for fault in faults_in(command.strip("` "))]
    flags = set(FLAG.findall(hint))
    assert faults == [], where
    assert flags - flags_of_all() == set(), where
    assert "docs/" not in hint, f"{where}: an installed lumina has `lumina docs PAGE`"
    assert "pip install lumina" not in hint, f"{where}: lumina is in no package index"
    for page in re.findall(r"lumina docs ([a-z-]+)", hint):
        assert page in pages(), where


@pytest.mark.parametrize("meant", sorted(set(MEANT.values())))
def test_what_is_meant_by_an_unknown_command_is_there(meant: str) -> None:
    assert list(faults_in(meant)) == []
