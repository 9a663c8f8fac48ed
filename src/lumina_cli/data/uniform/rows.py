"""Rows with a text under each of some keys, such as pairs, instructions and documents.

A specimen with the same keys, and a text of its own under each, goes through the schemas; where
those texts come out tells what becomes of a column.
"""

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from lumina_cli.data.row_shapes import HOLD_LISTS
from lumina_cli.data.rows import Record
from lumina_cli.data.schemas.unused_columns import is_metadata
from lumina_cli.data.uniform.columns import (
    MOST_SHAPES,
    Keys,
    are_few,
    are_ordinary,
    text_column,
)
from lumina_cli.data.uniform.specimen import METADATA, TEXT, Outcome, ReadAlone, read_specimen
from lumina_cli.tokenizer.document_batch import (
    CONVERSATION,
    ENDS,
    IS_TEXT,
    SPEAKER_CODES,
    STARTS,
    DocumentBatch,
)


class Template(NamedTuple):
    """What becomes of rows with the same keys.

    Args:
        schema: that reads them.
        columns: of each text: its key, and those of texts that follow it where they aren't blank.
        speakers: of each text, codes of `SPEAKERS`; none in a plain text.
    """

    schema: str
    columns: Sequence[Keys]
    speakers: Sequence[int]


class UniformRows:
    """Reads rows of texts.

    Args:
        read_alone: reads one row.
    """

    def __init__(self, read_alone: ReadAlone) -> None:
        self._read_alone = read_alone
        self._templates: dict[Keys, Template | None] = {}

    def read(self, records: Sequence[Record], keys: Keys) -> tuple[str, DocumentBatch] | None:
        """Return schema and documents of rows; None where they must be read one by one."""
        template = self._template_of(keys)
        if template is None:
            return None
        columns = [_joined_column(records, names) for names in template.columns]
        texts = list(chain.from_iterable(zip(*columns, strict=True))) if all(columns) else []
        if not texts or not are_ordinary(texts):
            return None
        kind = CONVERSATION if template.speakers else IS_TEXT + STARTS + ENDS
        batch = DocumentBatch(
            np.full(len(records), kind, dtype=np.uint8),
            np.full(len(records), len(columns), dtype=np.int64),
            np.tile(np.array(template.speakers or [0], dtype=np.uint8), len(records)),
            np.array(list(map(len, texts)), dtype=np.int64),
            "".join(texts),
        )
        return template.schema, batch

    def _template_of(self, keys: Keys) -> Template | None:
        if keys not in self._templates:
            if len(self._templates) >= MOST_SHAPES or not are_few(keys):
                return None
            if not HOLD_LISTS.isdisjoint(keys):
                return None  # a text there may be a list, written as one
            self._templates[keys] = _template(keys, self._read_alone)
        return self._templates[keys]


def _joined_column(records: Sequence[Record], keys: Keys) -> list[str] | None:
    """Return a text of each row, made of those under `keys`; None where one is unusual."""
    texts = text_column(records, keys[0])
    for key in keys[1:]:
        more = list(map(itemgetter(key), records))
        if texts is None or set(map(type, more)) != {str}:
            return None
        texts = [
            f"{text}\n\n{other}" if other and not other.isspace() else text
            for text, other in zip(texts, more, strict=True)
        ]
    return texts


def _template(keys: Keys, read_alone: ReadAlone) -> Template | None:
    """Return what becomes of rows with these keys; None where it hangs on what they hold."""
    specimen = {key: TEXT.format(number) for number, key in enumerate(keys)}
    found = read_specimen(specimen, read_alone)
    if not found or (found.roles and found.roles[-1] != "bot"):
        return None
    columns = [_columns_of(text, specimen) for text in found.texts]
    used = list(chain.from_iterable(columns))
    others = [key for key in keys if key not in used]
    if not all(columns) or len(used) != len(set(used)) or not all(map(is_metadata, others)):
        return None
    optional = list(chain.from_iterable(names[1:] for names in columns))
    alone = Outcome(found.schema, found.roles, [specimen[names[0]] for names in columns])
    if read_specimen(specimen | dict.fromkeys(optional, ""), read_alone) != alone:
        return None
    for anything in METADATA:
        if read_specimen(specimen | dict.fromkeys(others, anything), read_alone) != found:
            return None
    return Template(found.schema, columns, [SPEAKER_CODES[role, True] for role in found.roles])


def _columns_of(text: str, specimen: dict[str, str]) -> Keys:
    """Return the keys whose texts make up `text`, a blank line between them; none if it is more."""
    key_of = {value: key for key, value in specimen.items()}
    parts = text.split("\n\n")
    return tuple(key_of[part] for part in parts) if all(map(key_of.__contains__, parts)) else ()
