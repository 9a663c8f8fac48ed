"""Running `lumina` inside the test's own process."""

from lumina_cli.cli.app import run
from lumina_cli.cli.errors import run_guarded


def lumina(*arguments: object) -> int:
    """Run a command line and return its exit code."""
    return run_guarded(lambda: run([str(argument) for argument in arguments]))
