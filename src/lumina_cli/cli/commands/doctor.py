"""`lumina doctor`: what this machine offers, and what is missing."""

import typer

from lumina_cli.cli.console import plain, print_json
from lumina_cli.cli.options import Json, Verbose


def command(*, json: Json = False, verbose: Verbose = 0) -> None:
    """Show what this machine offers and what is missing.

    Device, precision and threads are what training would use.
    """
    from lumina_cli.recipes.infer.machine_info import machine_info  # noqa: PLC0415  torch

    facts = machine_info()
    if json:
        print_json(facts)
        return
    for name, value in facts.items():
        shown = value
        if isinstance(value, dict):
            shown = ", ".join(f"{key} {item}" for key, item in value.items())
        elif isinstance(value, list):
            shown = ", ".join(map(str, value)) or "nothing"
        typer.echo(plain(f"{name:<14} {shown}").plain)
