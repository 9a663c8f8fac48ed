"""Many OASST rows at once, as the hub has them: what `nodes.node_of` reads of each, by columns.

Rows that say anything unusual (a machine wrote it, an id that is a number, a role in capitals,
text to repair) are left to be read one by one.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from lumina_cli.conversation import ROLE_NAMES
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.columns import OASST_COLUMNS
from lumina_cli.data.oasst.message_table import MessageTable, NodeColumns
from lumina_cli.data.oasst.nodes import NO_RANK, rank_of, reason_to_leave_out
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import Record, RowBlock
from lumina_cli.data.text_repair import is_sound
from lumina_cli.data.uniform.columns import Keys
from lumina_cli.tokenizer.document_batch import ROLES

_NEEDED = frozenset({"message_id", "parent_id", "role", "text"})
_COLUMNS = frozenset(OASST_COLUMNS)
_ROLE_CODES = {name: ROLES.index(role) for name, role in ROLE_NAMES.items()}
_FLAGS = {type(None), bool}
_WORDS = {type(None), str}
_TURNED_DOWN = reason_to_leave_out({"review_result": False}, include_synthetic=False)


class UniformNodes:
    """Puts rows into the table of trees.

    Args:
        config: which format is read.
        trees: takes the messages.
    """

    def __init__(self, config: DataConfig, *, trees: MessageTable) -> None:
        self._may_be_oasst = config.format in ("auto", "oasst")
        self._trees = trees

    def take(
        self, records: Sequence[Record], keys: Keys, *, block: RowBlock, report: ReadReport
    ) -> bool:
        """Take the rows of a block whole; False where they must be read one by one."""
        if not self._may_be_oasst or not _NEEDED <= set(keys) <= _COLUMNS:
            return False
        nodes = _columns_of(records)
        if nodes is None:
            return False
        self._trees.add_many(nodes, path=block.path, lines=block.lines)
        report.saw_rows(block.path, "oasst rows", count=len(records))
        for line in compress(block.lines, nodes.left_out):
            report.left_out.add(_TURNED_DOWN, Location(block.path, line))
        return True


def _columns_of(rows: Sequence[Record]) -> NodeColumns | None:
    """Return the messages of rows; None where one says anything unusual."""
    ids, parents = _column(rows, "message_id"), _column(rows, "parent_id")
    langs, ranks = _column(rows, "lang"), _column(rows, "rank")
    flags = [_column(rows, key) for key in ("deleted", "synthetic", "review_result")]
    if set(map(type, ids)) != {str} or not all(ids) or not "".join(ids).isascii():
        return None
    if not set(map(type, parents)) <= _WORDS or "" in parents:
        return None
    if not all(set(map(type, column)) <= _FLAGS for column in flags):
        return None
    if True in flags[0] or True in flags[1] or not set(map(type, langs)) <= _WORDS:
        return None
    try:
        roles = [_ROLE_CODES[role] for role in _column(rows, "role")]
    except (KeyError, TypeError):
        return None
    left_out = [flag is False for flag in flags[2]]
    texts = _column(rows, "text")
    if any(left_out):
        texts = ["" if is_out else text for text, is_out in zip(texts, left_out, strict=True)]
    read = [text for text, is_out in zip(texts, left_out, strict=True) if not is_out]
    if not set(map(type, read)) <= {str} or not all(read) or any(map(str.isspace, read)):
        return None
    if not is_sound("\n".join(read)):
        return None
    return NodeColumns(
        ids,
        parents,
        roles=np.array(roles, dtype=np.uint8),
        texts=texts,
        langs=[lang.strip().lower() if lang else "" for lang in langs],
        ranks=[NO_RANK if rank is None else rank_of(rank) for rank in ranks],
        left_out=left_out,
    )


def _column(rows: Sequence[Record], key: str) -> list[Any]:
    return [row.get(key) for row in rows]
