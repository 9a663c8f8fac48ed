"""The promises in SECURITY.md are held by tests that are there."""

import re

from tests.conftest import REPOSITORY


def test_each_test_that_is_named_is_there() -> None:
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 8
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert named, f"no test shows this: {row}"
        assert [name for name in named if not (REPOSITORY / name).is_file()] == []
