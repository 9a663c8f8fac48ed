"""One run at a time on one folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumina_cli.errors import OutputError
from lumina_cli.io.lock import check_free, hold

HOLD = """
import sys, pathlib
from lumina_cli.io.lock import hold
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "Model.run")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=f"process {other.pid}"):
            check_free(tmp_path / "Model.run")
        with pytest.raises(OutputError), hold(tmp_path / "Model.run"):
            pass
        other.kill()  # a lock ends with its process, however that ends
    check_free(tmp_path / "Model.run")
    with hold(tmp_path / "Model.run"):
        pass


def test_a_folder_that_is_not_there_is_free(tmp_path: Path) -> None:
    check_free(tmp_path / "Model.run")
    assert not (tmp_path / "Model.run").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows follows links")
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "my diary.txt"
    mine.write_text("dear diary", encoding="utf-8")
    (tmp_path / "Model.run").mkdir()
    (tmp_path / "Model.run" / "lock").symlink_to(mine)
    with pytest.raises(OutputError, match="can't be written"), hold(tmp_path / "Model.run"):
        pass
    assert mine.read_text(encoding="utf-8") == "dear diary"
