"""Rows as documents: each is read in its shape, or skipped and counted."""

from collections.abc import Iterable, Iterator

from lumina_cli.conversation import Document, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.nodes import (
    has_ids,
    lost_node,
    messages_of_tree,
    node_of,
    reason_to_leave_out,
)
from lumina_cli.data.readers.json_rows import Row
from lumina_cli.data.report import Place, ReadReport
from lumina_cli.data.schemas.detect import detect_schema, document_of, is_tree
from lumina_cli.data.schemas.fields import BadRow, Record, RowNotes, role_of, text_of
from lumina_cli.data.schemas.turns import TurnsInOrder
from lumina_cli.data.text_repair import Mender

Placed = tuple[Place, Document]


class RowReader:
    """Turns rows into documents; messages of trees go into a table until all are there.

    Args:
        config: which shape is forced, and what of OASST is read.
        trees: where messages of trees wait.
        mender: mends their texts on the way.
        report: what is met is counted here.
    """

    def __init__(
        self, config: DataConfig, *, trees: MessageTable, mender: Mender, report: ReadReport
    ) -> None:
        self._config = config
        self._trees = trees
        self._mender = mender
        self._report = report

    def documents(self, rows: Iterable[Row]) -> Iterator[Placed]:
        """Yield the documents of the rows of one file, each with its place."""
        turns = TurnsInOrder()
        for row in rows:
            try:
                shape = self._shape_of(row.value)
            except BadRow as error:
                self._skip(row.place, "unknown", error)
                continue
            if shape == "oasst":
                yield from self._oasst(row, turns)
            else:
                yield from self._document(row, shape)
        yield from turns.finish()

    def _shape_of(self, value: object) -> str:
        found = detect_schema(value) if self._config.format == "auto" else self._config.format
        if found == "oasst" and not isinstance(value, dict):
            raise BadRow("it is no object with keys")
        return found

    def _document(self, row: Row, shape: str) -> Iterator[Placed]:
        try:
            notes = RowNotes(self._report, row.place)
            document = document_of(row.value, shape=shape, notes=notes)
        except BadRow as error:
            self._skip(row.place, shape, error)
            return
        self._report.saw_row(row.place.path, shape)
        yield row.place, document

    def _oasst(self, row: Row, turns: TurnsInOrder) -> Iterator[Placed]:
        assert isinstance(row.value, dict)
        if is_tree(row.value):
            for message in messages_of_tree(row.value, name=str(row.place)):
                self._plant(message, row.place, shape="oasst trees")
        elif has_ids(row.value):
            self._plant(row.value, row.place, shape="oasst rows")
        else:
            yield from self._next_turn(row.value, row.place, turns)

    def _next_turn(self, record: Record, place: Place, turns: TurnsInOrder) -> Iterator[Placed]:
        """Take a row without ids as what was said next."""
        try:
            left_out = reason_to_leave_out(record, include_synthetic=self._config.include_synthetic)
            role = role_of(record.get("role"))
            key = "content" if "content" in record and "text" not in record else "text"
            text = "" if left_out else text_of(record, key)
        except BadRow as error:
            self._skip(place, "rows in order", error)
            return
        self._report.saw_row(place.path, "rows in order")
        if left_out:
            self._report.left_out.add(left_out, place)
            return
        yield from turns.push(Message(role, text), place=place)

    def _plant(self, record: Record, place: Place, *, shape: str) -> None:
        """Put a message of a tree into the table; a bad one by its id, to end its branch."""
        try:
            node = node_of(record, include_synthetic=self._config.include_synthetic)
        except BadRow as error:
            self._skip(place, shape, error)
            if lost := lost_node(record):
                self._trees.add(lost, place=place)
            return
        self._report.saw_row(place.path, shape)
        if node.left_out:
            self._report.left_out.add(node.left_out, place)
        text = self._mender.text(node.text, place=place)
        self._trees.add(node if text is node.text else node._replace(text=text), place=place)

    def _skip(self, place: Place, shape: str, error: BadRow) -> None:
        self._report.saw_row(place.path, shape)
        self._report.skipped.add(error.wording, place, example=error.example)
