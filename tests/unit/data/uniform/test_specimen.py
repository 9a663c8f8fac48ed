"""What is read of a specimen is told only where there is nothing more to say of it."""

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import BadRow, Record
from lumina_cli.data.uniform.specimen import Outcome, read_specimen
from tests.unit.data.uniform.reading_alone import read_alone


def test_a_pair_is_what_its_speakers_say() -> None:
    found = read_specimen({"user": "a", "bot": "b"}, read_alone)
    assert found == Outcome("pairs", ["user", "bot"], ["a", "b"])


def test_a_document_has_no_speaker() -> None:
    assert read_specimen({"text": "a"}, read_alone) == Outcome("documents", [], ["a"])


def test_a_row_that_is_refused_or_reported_has_no_outcome() -> None:
    assert read_specimen({"user": "a", "bot": ""}, read_alone) is None
    assert read_specimen({"nothing": "known"}, read_alone) is None
    assert read_specimen({"user": "a", "bot": "b", "notes": "three words here"}, read_alone) is None


def test_whatever_a_column_can_not_say_has_no_outcome() -> None:
    grouped = Conversation((Message("bot", "a"),), group="g")
    context = Conversation((Message("bot", "a", in_loss=False),))

    def reading(document: Document) -> Outcome | None:
        return read_specimen({}, lambda _row, _report: ("x", document))

    assert [reading(each) for each in (grouped, context, PlainText("a", ends=False))] == [None] * 3
    assert reading(Conversation((Message("bot", "a"),))) == Outcome("x", ["bot"], ["a"])


def test_what_a_specimen_is_reported_for_stays_apart() -> None:
    def refuse(row: Record, report: ReadReport) -> tuple[str, Document]:
        report.skipped.add("x", Location(__import__("pathlib").Path("f")))
        raise BadRow("x")

    assert read_specimen({}, refuse) is None
