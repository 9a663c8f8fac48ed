"""What happens in a run besides training."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from lumina_cli.io.folders.run_folder import RunFolder
from lumina_cli.recipes.run.events import (
    STARTS,
    SUCCESSFUL_SAVES,
    CheckpointSaved,
    RunStarted,
    Saved,
    SaveFailed,
    SnapshotSaved,
)
from lumina_cli.recipes.run.report_page.event_lines import KNOWN

EVENTS = [
    RunStarted(3),
    Saved(3, Path("Model.pth")),
    CheckpointSaved(3, Path("step-00000003.pth"), 0.5),
    SnapshotSaved(3, Path("step-00000003.pth")),
    SaveFailed(3, "the disk is full"),
]


def test_the_names_in_the_file_are_those_of_the_events(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "Model.pth")
    folder.start({})
    names = [folder.record(event)["event"] for event in EVENTS]
    assert names == ["RunStarted", "Saved", "CheckpointSaved", "SnapshotSaved", "SaveFailed"]
    assert set(names) <= KNOWN
    assert set(names[1:4]) == SUCCESSFUL_SAVES  # a disk that is full is no success
    assert names[0] in STARTS


def test_each_tells_its_step() -> None:
    assert [asdict(event)["step"] for event in EVENTS] == [3] * 5


def test_they_can_be_read_without_torch() -> None:
    code = "import sys, lumina_cli.recipes.run.events; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
