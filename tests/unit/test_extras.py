"""Extras: what is told to install them is what the project declares."""

import re
import tomllib
from pathlib import Path

from lumina_cli.extras import EXTRAS, install_command

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_every_extra_for_users_names_the_packages_that_the_project_declares() -> None:
    declared = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = {
        extra: tuple(re.split(r"[><=;\[ ]", package)[0] for package in packages)
        for extra, packages in declared["optional-dependencies"].items()
        if extra != "dev"
    }
    assert extras == EXTRAS


def test_packages_are_installed_by_their_own_names() -> None:
    assert install_command("serve") == "pip install starlette uvicorn"
