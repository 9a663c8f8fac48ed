"""Texts come back from where they were put."""

import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.oasst import text_buffer
from lumina_cli.data.oasst.text_buffer import TextBuffer
from lumina_cli.errors import StorageError


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_come_back_in_any_order(texts: list[str]) -> None:
    buffer = TextBuffer()
    positions = [buffer.write(text) for text in texts]
    assert [buffer.read(*each) for each in reversed(positions)] == texts[::-1]
    buffer.close()


def test_many_texts_wait_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_buffer, "IN_MEMORY_BYTES", 10)
    buffer = TextBuffer()
    first, second = buffer.write("a" * 100), buffer.write("é")
    assert (buffer.read(*second), buffer.read(*first)) == ("é", "a" * 100)
    assert buffer.write("c") == (102, 1)
    buffer.close()


def test_a_full_disk_is_told_with_the_folder_and_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full:
        def seek(self, *_: object) -> None: ...

        def write(self, _: bytes) -> Any:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda _: Full())
    with pytest.raises(StorageError, match="temporary folder") as caught:
        TextBuffer().write("a")
    assert "TMPDIR" in caught.value.hint
