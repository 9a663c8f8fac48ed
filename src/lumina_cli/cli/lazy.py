"""Commands that are imported when they are run, so that `lumina --help` answers at once."""

import os
from importlib import import_module
from typing import Any

import typer

from lumina_cli.cli.help.page import HelpCommand, HelpGroup
from lumina_cli.errors import MissingInputError, StorageError

COMMANDS = {
    "data": "Fetch a dataset, check data before training on it, list known datasets.",
    "train": "Train a model from scratch on your text.",
    "finetune": "Fine-tune a model on your own conversations or texts.",
    "chat": "Chat with a model.",
    "generate": "Continue a text.",
    "serve": "Serve models to programs (OpenAI's API) and people (a chat page).",
    "look": "Look into a model: what it expects, what mattered, where its words come from.",
    "watch": "Watch training runs in the browser: loss, samples, and what they mean.",
    "eval": "Evaluate a model on text, in nats and bits per character.",
    "export": "Export a model for other programs, and check that it computes the same there.",
    "info": "Show what a model file contains: shape, vocabulary, training.",
    "doctor": "Show what this machine offers and what is missing.",
    "docs": "Read the documentation: a page, or the list of all pages.",
}
"""Each is `command` (for a group of commands `app`) in `lumina_cli.cli.commands.<name>`."""


class LazyGroup(HelpGroup):
    """The top of the command line: names and one-line helps, the rest on demand."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows its help, which is all that `--help` needs."""
        if cmd_name not in COMMANDS:
            return None
        return _as_click(lambda: None, name=cmd_name, help_text=COMMANDS[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the real command, once it is known which one is run."""
        if args and args[0] not in COMMANDS:  # for Typer's "Did you mean"
            self.commands.update({name: self.get_command(ctx, name) for name in COMMANDS})
        name, _, rest = super().resolve_command(ctx, args)
        if name is None:  # only half of it is typed: the shell asks what may follow
            return None, None, rest
        return name, load_command(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; of Ctrl-C and a broken pipe Typer would make exits without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error
        except BrokenPipeError as error:  # of a connection: stdout and stderr raise none
            raise StorageError(f"a connection broke off: {error.strerror}") from error


def load_command(name: str) -> Any:
    """Import a command and return it as Click sees it.

    Raises:
        MissingInputError: the current folder is gone; libraries that are loaded would end it all.
    """
    _check_folder()
    module = import_module(f"lumina_cli.cli.commands.{name}")
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    return _as_click(module.command, name=name)


def _check_folder() -> None:
    try:
        os.getcwd()  # noqa: PTH109  Path's is as slow to load as it is to ask
    except OSError as error:
        raise MissingInputError(
            "the folder that this command was started in is not there any more",
            hint="Go to one that is: cd FOLDER",
        ) from error


def _as_click(function: Any, *, name: str, help_text: str | None = None) -> Any:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name, cls=HelpCommand, help=help_text)(function)
    return typer.main.get_command(app)
