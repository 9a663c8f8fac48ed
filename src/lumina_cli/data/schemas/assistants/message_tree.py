"""Messages that name what they answer, as exports of chat programs hold them: one path is read."""

from collections.abc import Mapping


def path_to(leaf: str, *, parents: Mapping[str, str | None]) -> list[str]:
    """Return the ids from the first message to `leaf`.

    Args:
        leaf: the id of the last message.
        parents: the id that each message answers; one that is not among them begins the path.
    """
    path: list[str] = []
    seen: set[str] = set()
    at: str | None = leaf
    while at is not None and at in parents and at not in seen:  # a damaged export may hold a circle
        seen.add(at)
        path.append(at)
        at = parents[at]
    return path[::-1]


def leaves_of(parents: Mapping[str, str | None]) -> list[str]:
    """Return the ids that no message answers, in the order of the export."""
    answered = set(parents.values())
    return [name for name in parents if name not in answered]
