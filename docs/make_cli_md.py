"""Write docs/cli.md from the commands' own --help-all, or check that it is up to date."""

import os
import subprocess
import sys
from pathlib import Path

from lumina_cli.cli.help.everyday import EVERYDAY
from lumina_cli.cli.lazy import COMMANDS, load_command

PAGE = Path(__file__).with_name("cli.md")
WIDTH = "100"

HEAD = """# The command line

Every option of every command, made from `--help-all` by `make docs`; don't edit it by hand.
`--help` shows the options that most people need. `lumina --install-completion` lets your shell
complete commands, options, presets, models and runs.
"""


def main() -> int:
    """Write the page; with --check, compare it and fail where it differs."""
    page = "\n".join([HEAD, *(section(command) for command in commands())])
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print("docs/cli.md is not what --help says. Write it anew: make docs", file=sys.stderr)
    return 1


def commands() -> list[list[str]]:
    """Return every command line that has a help of its own."""
    lines: list[list[str]] = [[]]
    for name in COMMANDS:
        lines.append([name])
        lines += [[name, sub] for sub in getattr(load_command(name), "commands", {})]
    return lines


def section(command: list[str]) -> str:
    """Return one command's help as a section of the page."""
    shown = " ".join(["lumina", *command])
    return f"## `{shown}`\n\n```\n{help_text(command)}\n```\n"


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
