"""Reads one row as `lumina` does."""

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.report import ReadReport
from lumina_cli.data.row_converter import RowConverter
from lumina_cli.data.rows import Record
from lumina_cli.data.text_repair import TextRepair


def read_alone(record: Record, report: ReadReport) -> tuple[str, Document]:
    unused = ReadReport()
    with MessageTable() as trees:
        converter = RowConverter(
            DataConfig(),
            trees=trees,
            repair=TextRepair(mojibake=False, report=unused),
            report=unused,
        )
        return converter.read_alone(record, report)
