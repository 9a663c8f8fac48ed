"""What a schema is: a test that recognises a row, and a function that reads it.

To add a schema, write a module beside this one that ends in a `Schema`, and register it in
`detect.py` (and its name in `data/config.py`, so that `--format` can choose it).
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from lumina_cli.conversation import Document
from lumina_cli.data.rows import Record, RowNotes

ParsedRow = tuple[Document, Collection[str]]
"""The conversation or text of a row, and the keys it was read from."""


class Schema(NamedTuple):
    """One way in which a row can hold a conversation or a text.

    Args:
        matches: says whether a row is of this schema.
        parse: reads a row; raises BadRow. None where a conversation spans several rows.
        keys: all keys that are ever read; other columns of a table need not be loaded.
    """

    matches: Callable[[Record], bool]
    parse: Callable[[Record, RowNotes], ParsedRow] | None
    keys: frozenset[str]
