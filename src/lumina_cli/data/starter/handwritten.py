"""The exchanges written by hand: `exchanges/*.txt`, one kind of talk a file.

    # A line that begins with "#" is a remark.

    <|user|>Good night! | Night night! | ~Good night to you!
    <|bot|>Good night! Sleep well.

A blank line ends an exchange. A user's line gives the wordings of one question, parted by
" | ", the main one first; a wording marked "~" is held out: it is asked in the test and
never learnt from. A reply goes on over the lines that bear no tag. An exchange of several
turns has its user and bot lines in turn.
"""

from functools import cache
from importlib.resources import files

from lumina_cli.data.starter.exchange import Exchange, Turn

_USER = "<|user|>"
_BOT = "<|bot|>"


@cache
def written(kind: str) -> tuple[Exchange, ...]:
    """The exchanges of one kind, in the order of their file."""
    text = files(__package__).joinpath("exchanges", f"{kind}.txt").read_text(encoding="utf-8")
    return parse(text)


def kinds() -> list[str]:
    """The names of all kinds."""
    folder = files(__package__).joinpath("exchanges")
    return sorted(path.name.removesuffix(".txt") for path in folder.iterdir())


def parse(text: str) -> tuple[Exchange, ...]:
    """Read exchanges from text in the notation that this module's docstring tells."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    blocks = "\n".join(lines).split("\n\n")
    return tuple(_exchange(block.strip()) for block in blocks if block.strip())


def _exchange(block: str) -> Exchange:
    before, *turns = block.split(_USER)
    assert not before, f"an exchange begins with {_USER}: {block!r}"
    return Exchange(tuple(_turn(turn) for turn in turns))


def _turn(text: str) -> Turn:
    question, tag, reply = text.strip().partition(f"\n{_BOT}")
    assert tag, f"a question has one line, and a reply: {text!r}"
    wordings = question.split(" | ")
    return Turn(
        wordings=tuple(wording for wording in wordings if not wording.startswith("~")),
        reply=reply,
        held_out=tuple(wording[1:] for wording in wordings if wording.startswith("~")),
    )
