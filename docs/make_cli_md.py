"""Write docs/cli.md and the man page from the commands' own --help-all, or check them."""

import os
import subprocess
import sys
from pathlib import Path

from man_page import man_page

from lumina_cli.cli.help.everyday import EVERYDAY
from lumina_cli.cli.lazy import COMMANDS, load_command

PAGE = Path(__file__).with_name("cli.md")
MAN_PAGE = Path(__file__).with_name("lumina.1")
WIDTH = "100"

HEAD = """# The command line

Every option of every command, made from `--help-all` by `make docs`; don't edit it by hand.
`--help` shows the options that most people need. `lumina --install-completion` lets your shell
complete commands, options, presets, models and runs.
"""


def main() -> int:
    """Write the pages; with --check, compare them and fail where one differs."""
    helps = [(" ".join(["lumina", *command]), help_text(command)) for command in commands()]
    pages = {
        PAGE: "\n".join([HEAD, *(section(name, text) for name, text in helps)]),
        MAN_PAGE: man_page(helps),
    }
    if "--check" not in sys.argv[1:]:
        for path, page in pages.items():
            path.write_text(page, encoding="utf-8")
        return 0
    old = [path for path, page in pages.items() if _written(path) != page]
    for path in old:
        print(
            f"docs/{path.name} is not what --help says. Write it anew: make docs", file=sys.stderr
        )
    return 1 if old else 0


def _written(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def commands() -> list[list[str]]:
    """Return every command line that has a help of its own."""
    lines: list[list[str]] = [[]]
    for name in COMMANDS:
        lines.append([name])
        lines += [[name, sub] for sub in getattr(load_command(name), "commands", {})]
    return lines


def section(name: str, text: str) -> str:
    """Return one command's help as a section of the page."""
    return f"## `{name}`\n\n```\n{text}\n```\n"


def help_text(command: list[str]) -> str:
    """Return what the longest help prints in a terminal of a fixed width, without colours."""
    environment = {**os.environ, "COLUMNS": WIDTH, "TERM": "dumb", "NO_COLOR": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    asks = "--help-all" if " ".join(command) in EVERYDAY else "--help"
    call = [sys.executable, "-m", "lumina_cli", *command, asks]
    run = subprocess.run(call, env=environment, capture_output=True, check=True)
    lines = [line.rstrip() for line in run.stdout.decode().split("\n")]
    return "\n".join(lines).strip("\n")


if __name__ == "__main__":
    sys.exit(main())
