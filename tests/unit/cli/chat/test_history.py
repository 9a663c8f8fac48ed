"""What was typed comes back, and nothing on disk can break a chat."""

import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.cli.chat.history import MAX_ENTRIES, LineHistory, data_folder


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=8))
def test_lines_come_back_whatever_they_hold(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("history") / "lines"
    history = LineHistory(path)
    for line in lines:
        history.add(line)
    expected = [x for x in lines if x.strip()]
    expected = [x for n, x in enumerate(expected) if n == 0 or expected[n - 1] != x]
    assert LineHistory(path).lines == expected


def test_a_damaged_file_gives_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b'"one"\nnot json\n3\n["x"]\n\xff\xfe\n"two"\n')
    assert LineHistory(tmp_path / "lines").lines == ["one", "two"]


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_chat(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    history = LineHistory(tmp_path / "file" / "lines")
    history.add("hello")
    assert history.lines == ["hello"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_others_cannot_read_it(tmp_path: Path) -> None:
    LineHistory(tmp_path / "lines").add("a secret")
    assert stat.S_IMODE((tmp_path / "lines").stat().st_mode) == 0o600


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f'"{n}"\n' for n in range(3 * MAX_ENTRIES)), encoding="utf-8")
    assert LineHistory(path).lines[-1] == str(3 * MAX_ENTRIES - 1)
    assert len(path.read_text(encoding="utf-8").splitlines()) == MAX_ENTRIES


def test_a_pasted_book_is_not_kept(tmp_path: Path) -> None:
    history = LineHistory(tmp_path / "lines")
    history.add("x" * 10_001)
    assert history.lines == []


def test_the_users_data_folder_is_where_it_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/x/data")
    assert data_folder() == Path("/x/data/lumina")
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", "/home/me")
    assert data_folder() == Path("/home/me/.local/share/lumina")
