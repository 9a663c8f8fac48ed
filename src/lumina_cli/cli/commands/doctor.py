"""`lumina doctor`: what this machine offers, and what is missing."""

from lumina_cli.cli.console import print_json, print_text, stdout_console
from lumina_cli.cli.options import Json, Verbose
from lumina_cli.cli.views.facts import INDENT, group_lines, machine_groups


def command(*, json: Json = False, verbose: Verbose = 0) -> None:
    """Show what this machine offers and what is missing.

    Device, precision and threads are what training would use.
    """
    from lumina_cli.recipes.infer.machine_info import machine_info  # noqa: PLC0415  torch

    facts = machine_info()
    if json:
        print_json(facts)
        return
    for line in group_lines(machine_groups(facts)):
        print_text(stdout_console(), line, indent=" " * INDENT)
