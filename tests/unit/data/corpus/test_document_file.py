"""Documents that wait on disk come back as they were."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.data.corpus.progress import DamagedPartError
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


def test_another_process_goes_on_behind_what_it_is_told_of(tmp_path: Path) -> None:
    batches = [DocumentBatch.of([PlainText(text)]) for text in ("abc", "not told of", "déf")]
    with DocumentFile(tmp_path / "waiting") as file:
        file.write(batches[0])
        told = file.num_bytes
        file.write(batches[1])
    with DocumentFile(tmp_path / "waiting", num_bytes=told) as file:
        assert [batch.text for batch in file.read()] == ["abc"]
        file.write(batches[2])
        assert [batch.text for batch in file.read()] == ["abc", "déf"]


@pytest.mark.parametrize("damage", [bytes, lambda old: old[:40], lambda old: b"\xff" * len(old)])
def test_zeros_a_cut_or_other_bytes_are_damage(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "waiting"
    with DocumentFile(path) as file:
        file.write(DocumentBatch.of([PlainText("abc")]))
        told = file.num_bytes
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)) if damage is bytes else damage(content))
    with pytest.raises(DamagedPartError), DocumentFile(path, num_bytes=told) as file:
        list(file.read())
