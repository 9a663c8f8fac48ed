"""Places in a reading from which it can go on, should it be interrupted.

A reader yields a `Checkpoint` among what it reads, where it holds nothing back that its state does
not tell, about once a million characters.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NamedTuple, TypeVar

State = dict[str, Any]
"""What JSON can hold."""

Item = TypeVar("Item")

MOST_REST = 1 << 20
"""Characters of a line that goes on: more are not written down at each part."""


class Checkpoint(NamedTuple):
    """Stands between two things that were read.

    Args:
        state: returns where reading would go on, None where that can't be told. It is to be
            called before anything more is read.
    """

    state: Callable[[], State | None]


class TextPlace(NamedTuple):
    """Where the reading of a text file goes on.

    Args:
        at: of the file, as its `tell` gives it.
        rest: what was read before it, and not yet given to anybody.
        line: number of the line with which that begins.
    """

    at: int = 0
    rest: str = ""
    line: int = 1

    @property
    def num_bytes(self) -> int:
        """Return about how many bytes of the file were read: `tell` adds the decoder's state."""
        return self.at & ((1 << 64) - 1)


START = TextPlace()


def text_checkpoint(file: IO[str], *, rest: str, line: int) -> Checkpoint:
    """Return the checkpoint of a text file that was read up to here; see `TextPlace`."""

    def state() -> State | None:
        if len(rest) > MOST_REST:
            return None
        try:
            return TextPlace(file.tell(), rest, line)._asdict()
        except (OSError, OverflowError, UnicodeError):  # packed, or its encoding can't tell
            return None

    return Checkpoint(state)


def between_checkpoints(
    items: Iterable[Item | Checkpoint],
) -> Iterator[Iterator[Item] | Checkpoint]:
    """Yield what stands between checkpoints, to be used up before the next, and these."""
    left = iter(items)
    found: list[Checkpoint] = []
    has_ended = False

    def some() -> Iterator[Item]:
        nonlocal has_ended
        for item in left:
            if isinstance(item, Checkpoint):
                found.append(item)
                return
            yield item
        has_ended = True

    while not has_ended:
        yield some()
        if found:
            yield found.pop()
