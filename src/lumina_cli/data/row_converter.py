"""Rows to documents: each row is read by its schema, or skipped and counted."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.nodes import (
    has_ids,
    is_oasst,
    is_tree,
    messages_of_tree,
    node_of,
    reason_to_leave_out,
    unreadable_node,
)
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.data.row_shapes import RowShapes, in_lower_case
from lumina_cli.data.rows import BadRow, LeftOutRow, Record, Row, RowNotes
from lumina_cli.data.schemas.assistants.silly_tavern import CharacterChat
from lumina_cli.data.schemas.detect import detect_schema, document_of
from lumina_cli.data.schemas.turns.rows_in_order import RowsInOrder
from lumina_cli.data.schemas.turns.turn_rows import is_turn_row, turn_of
from lumina_cli.data.text_repair import TextRepair


class RowConverter:
    """Converts rows to documents; messages of OASST trees are collected until all are there.

    Args:
        config: which schema is forced, and what of OASST is read.
        trees: collects the messages of trees.
        repair: repairs their texts on the way.
        report: what is met is counted here.
    """

    def __init__(
        self, config: DataConfig, *, trees: MessageTable, repair: TextRepair, report: ReadReport
    ) -> None:
        self._config = config
        self._trees = trees
        self._repair = repair
        self._report = report
        self._shapes = RowShapes(config, report=report)
        self._in_order, self._chat = RowsInOrder(), CharacterChat()
        self.holds_rows = False

    def documents(self, rows: Iterable[Row]) -> Iterator[LocatedDocument]:
        """Yield the documents of rows of one file, each with its location.

        Rows that follow one another are kept until `finish`; `holds_rows` tells of such.
        """
        in_order, chat = self._in_order, self._chat
        for as_it_came in rows:
            try:
                row, schema = self._in_shape(as_it_came, self._shapes)
            except BadRow as error:
                self._skip(as_it_came.location, "unknown", error)
                continue
            if schema == "oasst":
                yield from self._oasst(row, in_order)
            elif schema == "sillytavern":
                self.holds_rows = True
                yield from self._line_of_chat(row, chat)
            else:
                yield from self._document(row, schema)

    def finish(self) -> Iterator[LocatedDocument]:
        """Yield what is left of a file: conversations of which each row is a message."""
        yield from self._in_order.finish()
        yield from self._chat.finish()
        self._in_order, self._chat = RowsInOrder(), CharacterChat()
        self.holds_rows = False

    def read_alone(self, record: Record, report: ReadReport) -> tuple[str, Document]:
        """Return the schema and the document of a row that is a conversation or text by itself.

        Raises:
            BadRow: it can't be read, or takes several rows.
        """
        location = Location(Path())
        row, schema = self._in_shape(Row(location, record), RowShapes(self._config, report=report))
        if schema in ("oasst", "sillytavern"):
            raise BadRow("it takes several rows")
        return schema, document_of(row.value, schema=schema, notes=RowNotes(report, location))

    def _in_shape(self, row: Row, shapes: RowShapes) -> tuple[Row, str]:
        """Return a row as its schema reads it, and the name of that. Raises BadRow."""
        value = shapes.shape(row.value, location=row.location)
        try:
            schema = self._schema_of(value)
        except BadRow:
            value = in_lower_case(value)
            if value is None:
                raise
            schema = self._schema_of(value)
        return (row if value is row.value else Row(row.location, value)), schema

    def _schema_of(self, value: object) -> str:
        found = detect_schema(value) if self._config.format == "auto" else self._config.format
        if found in ("oasst", "sillytavern") and not isinstance(value, dict):
            raise BadRow("it is no object with keys")
        return found

    def _document(self, row: Row, schema: str) -> Iterator[LocatedDocument]:
        try:
            notes = RowNotes(self._report, row.location)
            document = document_of(row.value, schema=schema, notes=notes)
        except LeftOutRow as reason:
            self._report.saw_row(row.location.path, schema)
            self._report.left_out.add(reason.wording, row.location)
            return
        except BadRow as error:
            self._skip(row.location, schema, error)
            return
        self._report.saw_row(row.location.path, schema)
        yield row.location, document

    def _line_of_chat(self, row: Row, chat: CharacterChat) -> Iterator[LocatedDocument]:
        """Take a row as the line that follows in a chat with a character."""
        assert isinstance(row.value, dict)
        try:
            ended = list(chat.push(row.value, RowNotes(self._report, row.location)))
        except BadRow as error:
            self._skip(row.location, "sillytavern", error)
            return
        self._report.saw_row(row.location.path, "sillytavern")
        yield from ended

    def _oasst(self, row: Row, in_order: RowsInOrder) -> Iterator[LocatedDocument]:
        assert isinstance(row.value, dict)
        if not is_oasst(row.value) and is_turn_row(row.value):
            yield from self._message_in_order(row.value, row.location, in_order)
        elif is_tree(row.value):
            for message in messages_of_tree(row.value, name=str(row.location)):
                self._add_to_trees(message, row.location, schema="oasst trees")
        elif has_ids(row.value):
            self._add_to_trees(row.value, row.location, schema="oasst rows")
        else:
            yield from self._message_in_order(row.value, row.location, in_order)

    def _message_in_order(
        self, record: Record, location: Location, in_order: RowsInOrder
    ) -> Iterator[LocatedDocument]:
        """Take a row without ids as the message that follows the one before."""
        self.holds_rows = True
        try:
            left_out = reason_to_leave_out(record, include_synthetic=self._config.include_synthetic)
            notes = RowNotes(self._report, location)
            turn = None if left_out else turn_of(record, in_order=in_order, notes=notes)
        except BadRow as error:
            self._skip(location, "rows in order", error)
            return
        self._report.saw_row(location.path, "rows in order")
        if left_out:
            self._report.left_out.add(left_out, location)
        if turn is not None:
            yield from in_order.push(
                turn.message, location=location, conversation=turn.conversation
            )

    def _add_to_trees(self, record: Record, location: Location, *, schema: str) -> None:
        """Put a message into the table of trees; a bad one by its id alone, to end its branch."""
        try:
            node = node_of(record, include_synthetic=self._config.include_synthetic)
        except BadRow as error:
            self._skip(location, schema, error)
            if unreadable := unreadable_node(record):
                self._trees.add(unreadable, location=location)
            return
        self._report.saw_row(location.path, schema)
        if node.left_out:
            self._report.left_out.add(node.left_out, location)
        text = self._repair.text(node.text, location=location)
        node = node if text is node.text else node._replace(text=text)
        self._trees.add(node, location=location)

    def _skip(self, location: Location, schema: str, error: BadRow) -> None:
        self._report.saw_row(location.path, schema)
        self._report.skipped.add(error.wording, location, example=error.example)
