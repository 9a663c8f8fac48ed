"""Documents that wait on disk come back as they were."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.tokenizer.document_batch import DocumentBatch

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "bot"]), TEXT, st.booleans())
DOCUMENTS = st.builds(
    Conversation, st.lists(MESSAGES, max_size=4).map(tuple), st.none() | TEXT
) | st.builds(PlainText, TEXT, st.booleans(), st.booleans())


@given(st.lists(st.lists(DOCUMENTS, max_size=5), max_size=4))
def test_documents_come_back_in_order_but_for_their_groups(
    tmp_path_factory: object, batches: list[list[Document]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "waiting"  # type: ignore[attr-defined]
    with DocumentFile(path) as file:
        for batch in batches:
            file.write(DocumentBatch.of(batch))
        found = [[d for batch in file.read() for d in batch.documents()] for _ in range(2)]
    expected = [
        replace(document, group=None) if isinstance(document, Conversation) else document
        for batch in batches
        for document in batch
    ]
    assert found == [expected, expected]


def test_the_file_is_gone_afterwards(tmp_path: Path) -> None:
    with DocumentFile(tmp_path / "waiting") as file:
        file.write(DocumentBatch.of([PlainText("abc")]))
        assert (tmp_path / "waiting").exists()
    assert list(tmp_path.iterdir()) == []
