"""When too many rows were skipped."""

from pathlib import Path

import pytest

from lumina_cli.errors import DataError
from tests.unit.data.reading import GOOD, read, write_bytes, write_rows


def test_too_many_skipped_rows_stop_unless_allowed(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", GOOD.encode() * 94 + b"oops\n" * 6)
    with pytest.raises(DataError, match=r"x\.jsonl:95: it is not JSON; 6 of 100 rows") as refusal:
        read(path)
    assert "--allow-skips" in refusal.value.hint
    assert len(read(path, allow_skips=True)[0]) == 94
    write_bytes(path, GOOD.encode() * 95 + b"oops\n" * 5)
    assert len(read(path)[0]) == 95


def test_going_on_is_not_proposed_where_nothing_would_be_left(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "x.jsonl", [{"title": "q", "body": "a"}] * 3)
    with pytest.raises(DataError) as caught:
        read(path)
    assert "lumina docs data" in caught.value.hint
    assert "--allow-skips" not in caught.value.hint
