"""Texts that come piece by piece."""

from pathlib import Path

import pytest

from lumina_cli.data.readers.documents import pieces
from lumina_cli.data.readers.documents.pieces import Piece, documents_of_pieces
from lumina_cli.data.report import ReadReport


def test_a_long_text_comes_in_chunks_of_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "CHUNK_CHARS", 4)
    found = documents_of_pieces(
        [Piece("ab", 1), Piece("cd", 2), Piece("ef", 3)],
        path=Path("x"),
        kind="html",
        report=ReadReport(),
    )
    assert [(at.line, text.text, text.starts, text.ends) for at, text in found] == [  # type: ignore[union-attr]
        (1, "abcd", True, False),
        (3, "ef", False, True),
    ]


def test_a_blank_text_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "CHUNK_CHARS", 4)
    report = ReadReport()
    blank = [Piece(" \n", 1)] * 9
    assert not list(documents_of_pieces(blank, path=Path("x"), kind="html", report=report))
    assert report.left_out["a file without text"] == 1
