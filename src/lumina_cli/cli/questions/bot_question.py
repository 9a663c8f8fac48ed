"""The question who the bot is, asked on a terminal before a chat is trained on."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lumina_cli.cli.console import plain, stderr_console, typed_text
from lumina_cli.cli.questions.run_length import can_ask
from lumina_cli.cli.verbosity import verbosity

if TYPE_CHECKING:
    from lumina_cli.recipes.data.bot_choice import Ask

MOST_SHOWN = 20


def asker() -> "Ask | None":
    """Return what asks a person, or None where nobody sits at a terminal."""
    return ask if can_ask() and verbosity.level >= 0 else None


def ask(speakers: Counter[str], *, may_be_nobody: bool = False) -> list[str]:
    """Show the speakers and return the names of those chosen; none where input ends.

    Args:
        speakers: and how many messages each wrote.
        may_be_nobody: whether an empty line is an answer, too: all is learnt as a text.
    """
    console = stderr_console()
    names = [name for name, _ in speakers.most_common(MOST_SHOWN)]
    console.print(
        "Who is the bot? The model learns to speak as this person; everyone else is the user."
    )
    table = Table.grid(padding=(0, 2))
    for number, name in enumerate(names, start=1):
        table.add_row(Text(f"{number:>3}"), plain(name), Text(f"{speakers[name]:,} messages"))
    console.print(table)
    if len(speakers) > len(names):
        console.print(f"     and {len(speakers) - len(names):,} more, by name")
    or_nobody = "; Enter for nobody, as a text" if may_be_nobody else ""
    while True:
        console.print(f"Number or name (several with a comma{or_nobody}): ", end="")
        line = sys.stdin.readline()
        if not line:
            console.print()
            return []
        chosen, unknown = read_answer(typed_text(line), names=names, speakers=speakers)
        if not unknown and (chosen or may_be_nobody):
            return chosen
        if unknown:
            console.print(plain(f"Nobody is called {unknown[0]!r}."))


def read_answer(
    line: str, *, names: Sequence[str], speakers: Counter[str]
) -> tuple[list[str], list[str]]:
    """Return the names that an answer chooses, and the parts of it that choose none.

    Args:
        line: as typed: numbers or names, divided by commas.
        names: those that were shown, in their order.
        speakers: all that may be named.
    """
    whole = line.strip()
    by_name = {name.casefold(): name for name in reversed(list(speakers))}
    if whole.casefold() in by_name:
        return [by_name[whole.casefold()]], []
    chosen, unknown = [], []
    for part in filter(None, map(str.strip, whole.split(","))):
        if part.isdecimal() and 1 <= int(part) <= len(names):
            chosen.append(names[int(part) - 1])
        elif part.casefold() in by_name:
            chosen.append(by_name[part.casefold()])
        else:
            unknown.append(part)
    return chosen, unknown
