"""Running `lumina` inside the test's own process."""

from lumina_cli.cli.app import app
from lumina_cli.cli.errors import run_guarded


def lumina(*arguments: object) -> int:
    """Run a command line and return its exit code."""
    try:
        return run_guarded(lambda: app([str(argument) for argument in arguments]))
    except SystemExit as end:
        return int(end.code or 0)
