"""Blocks of rows, read many at a time where they are alike and say nothing unusual.

    messages of OASST trees           into the table of trees     `nodes.py`
    a text under each of some keys    documents                   `rows.py`
    a list of messages under a key    conversations               `messages.py`

A block that none of these takes is halved and tried again; what is left is read row by row.
"""

from collections.abc import Iterator

from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.report import ReadReport
from lumina_cli.data.rows import RowBlock
from lumina_cli.data.uniform.columns import FEWEST_ROWS, records_of
from lumina_cli.data.uniform.messages import UniformMessages
from lumina_cli.data.uniform.nodes import UniformNodes
from lumina_cli.data.uniform.rows import UniformRows
from lumina_cli.data.uniform.specimen import ReadAlone
from lumina_cli.tokenizer.document_batch import DocumentBatch


class UniformBlocks:
    """Reads blocks of rows.

    Args:
        config: which format is read.
        read_alone: reads one row.
        trees: takes the messages of trees.
        report: what is read is counted here.
    """

    def __init__(
        self, config: DataConfig, *, read_alone: ReadAlone, trees: MessageTable, report: ReadReport
    ) -> None:
        self._nodes = UniformNodes(config, trees=trees)
        self._readers = (UniformRows(read_alone), UniformMessages(read_alone))
        self._report = report

    def parts(self, block: RowBlock) -> Iterator[DocumentBatch | RowBlock]:
        """Yield a block as documents, but for the parts of it that must be read row by row."""
        taken = self._read(block) if len(block.values) >= FEWEST_ROWS else None
        if taken is not None:
            yield from taken
        elif len(block.values) >= 2 * FEWEST_ROWS:
            for half in block.halves():
                yield from self.parts(half)
        else:
            yield block

    def _read(self, block: RowBlock) -> list[DocumentBatch] | None:
        """Return the documents of a block, none if it went into the table; None if it is mixed."""
        found = records_of(block.values)
        if found is None:
            return None
        records, keys = found
        if self._nodes.take(records, keys, block=block, report=self._report):
            return []
        for reader in self._readers:
            if read := reader.read(records, keys):
                schema, batch = read
                self._report.saw_rows(block.path, schema, count=len(records))
                return [batch]
        return None
