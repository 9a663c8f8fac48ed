"""The card of a data set, measured before the library of the hub takes it apart.

A card is YAML, in which a name may stand for a value: ten lines can mean a billion values.
"""

from pathlib import Path
from typing import Any

from lumina_cli.errors import HubError
from lumina_cli.io.regular_file import read_whole

CARDS = ("README.md", ".huggingface.yaml")
MAX_CARD_BYTES = 1 << 22
MAX_MEANT_CHARS = 1 << 24
"""What a card may mean: its characters where each name is replaced by what it stands for."""

MAX_DEPTH = 100


def check_card(path: Path, *, repo: str) -> None:
    """Raise HubError for a card that is longer, deeper or means more than any card does."""
    if path.stat().st_size > MAX_CARD_BYTES:
        raise too_long(repo, path.name)
    text = read_whole(path, max_bytes=MAX_CARD_BYTES).decode("utf-8-sig", "replace")
    if not _is_in_proportion(_front_matter(text) if path.suffix == ".md" else text):
        raise HubError(
            f"{path.name} of {repo} means more than {MAX_MEANT_CHARS:,} characters, or is nested "
            f"deeper than {MAX_DEPTH} levels",
            hint=_HINT,
        )


def too_long(repo: str, name: str) -> HubError:
    """Return the error of a card that is longer than it may be."""
    return HubError(f"{name} of {repo} is longer than {MAX_CARD_BYTES:,} bytes", hint=_HINT)


_HINT = "Download the data set yourself, and name its folder: --from PATH"


def _front_matter(text: str) -> str:
    """Return the YAML between the first two lines of dashes, or nothing."""
    lines = text.lstrip().splitlines()
    if not lines or lines[0] != "---":
        return ""
    ends = (number for number, line in enumerate(lines) if number and line.rstrip() == "---")
    return "\n".join(lines[1 : next(ends, 1)])


def _is_in_proportion(text: str) -> bool:
    """Say whether a text in YAML is as flat and short as a card is, all names replaced."""
    import yaml  # noqa: PLC0415  comes with the library of the hub

    open_nodes = [_Node()]
    sizes: dict[str, int] = {}
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            _count(event, open_nodes=open_nodes, sizes=sizes)
            if len(open_nodes) > MAX_DEPTH or open_nodes[0].num_chars > MAX_MEANT_CHARS:
                return False
    except yaml.YAMLError:
        pass  # the library says what is wrong with it
    return sum(node.num_chars for node in open_nodes) <= MAX_MEANT_CHARS


class _Node:
    """A value whose end has not come: its name, and the characters of what lies in it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.num_chars = 0


def _count(event: Any, *, open_nodes: list[_Node], sizes: dict[str, int]) -> None:
    """Add what an event of the parser means to the value it lies in."""
    kind = type(event).__name__
    name: str = getattr(event, "anchor", None) or ""
    num_chars = 0
    if kind == "ScalarEvent":
        num_chars = len(event.value) + 1
    elif kind == "AliasEvent":
        # a name within what it stands for has no end
        num_chars = sizes.get(name, MAX_MEANT_CHARS + 1)
    elif kind in ("SequenceStartEvent", "MappingStartEvent"):
        open_nodes.append(_Node(name))
        return
    elif kind in ("SequenceEndEvent", "MappingEndEvent"):
        ended = open_nodes.pop()
        name, num_chars = ended.name, ended.num_chars + 1
    open_nodes[-1].num_chars += num_chars
    if name and kind != "AliasEvent":
        sizes[name] = num_chars
