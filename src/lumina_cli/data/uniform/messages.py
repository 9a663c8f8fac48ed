"""Rows with a list of messages under one key, each a role and a text.

Which role a name stands for is learnt from a specimen with one message of that name.
"""

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from lumina_cli.data.rows import Record
from lumina_cli.data.schemas.turns.message_list import ROLE_KEYS
from lumina_cli.data.schemas.unused_columns import is_metadata
from lumina_cli.data.uniform.columns import (
    MOST_SHAPES,
    Keys,
    are_few,
    are_ordinary,
    records_of,
    text_column,
)
from lumina_cli.data.uniform.specimen import METADATA, TEXT, Outcome, ReadAlone, read_specimen
from lumina_cli.tokenizer.document_batch import (
    CONVERSATION,
    SPEAKER_CODES,
    DocumentBatch,
    begins_of,
)

BOT = SPEAKER_CODES["bot", True]


class _Shape(NamedTuple):
    """The keys of a row, the one that has the messages, and those of a message: role and text."""

    keys: Keys
    list_key: str
    turn_keys: Keys


class UniformMessages:
    """Reads rows of messages.

    Args:
        read_alone: reads one row.
    """

    def __init__(self, read_alone: ReadAlone) -> None:
        self._read_alone = read_alone
        self._codes: dict[tuple[_Shape, str], tuple[str, int] | None] = {}

    def read(self, records: Sequence[Record], keys: Keys) -> tuple[str, DocumentBatch] | None:
        """Return schema and documents of rows; None where they must be read one by one."""
        lists = [key for key in keys if not is_metadata(key)] if are_few(keys) else []
        if len(lists) != 1:
            return None
        turns_of = list(map(itemgetter(lists[0]), records))
        if set(map(type, turns_of)) != {list} or not all(turns_of):
            return None
        found = records_of(list(chain.from_iterable(turns_of)))
        if found is None or len(found[1]) != 2 or not are_few(found[1]):
            return None
        turns, turn_keys = found
        if turn_keys[0] not in ROLE_KEYS:
            turn_keys = turn_keys[::-1]
        names, texts = (text_column(turns, key) for key in turn_keys)
        if turn_keys[0] not in ROLE_KEYS or not names or not texts:
            return None
        shape = _Shape(keys, lists[0], turn_keys)
        codes = {name: self._code_of(shape, name) for name in set(names)}
        schemas = {code[0] for code in codes.values() if code}
        if len(schemas) != 1 or not all(codes.values()) or not are_ordinary(texts):
            return None
        speakers = np.array([codes[name][1] for name in names], dtype=np.uint8)  # type: ignore[index]
        num_texts = np.array(list(map(len, turns_of)), dtype=np.int64)
        if (speakers[begins_of(num_texts)[1:] - 1] != BOT).any():
            return None  # nothing is learnt from a question without a reply
        batch = DocumentBatch(
            np.full(len(records), CONVERSATION, dtype=np.uint8),
            num_texts,
            speakers,
            np.array(list(map(len, texts)), dtype=np.int64),
            "".join(texts),
        )
        return schemas.pop(), batch

    def _code_of(self, shape: _Shape, name: str) -> tuple[str, int] | None:
        """Return the schema and the speaker of a message; None where it is none like any other."""
        if (shape, name) not in self._codes:
            if len(self._codes) >= MOST_SHAPES or not are_few((name,)):
                return None
            self._codes[shape, name] = _learn(shape, name, self._read_alone)
        return self._codes[shape, name]


def _learn(shape: _Shape, name: str, read_alone: ReadAlone) -> tuple[str, int] | None:
    """Read two messages of one name: who speaks, whatever the metadata beside them."""
    turns = [dict(zip(shape.turn_keys, (name, TEXT.format(n)), strict=True)) for n in range(2)]
    texts = [TEXT.format(n) for n in range(2)]
    outcomes = [
        read_specimen(dict.fromkeys(shape.keys, anything) | {shape.list_key: turns}, read_alone)
        for anything in (TEXT, *METADATA)
    ]
    found = outcomes[0]
    if not found or not found.roles or any(outcome != found for outcome in outcomes):
        return None
    if found != Outcome(found.schema, [found.roles[0]] * 2, texts):
        return None
    return found.schema, SPEAKER_CODES[found.roles[0], True]
