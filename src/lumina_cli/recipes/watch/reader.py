"""A run's `metrics.jsonl`, read as it grows: only whole lines, and each once."""

import os
from collections import Counter, deque
from functools import partial
from pathlib import Path

from lumina_cli.io.regular_file import open_regular
from lumina_cli.recipes.run.events import SUCCESSFUL_SAVES
from lumina_cli.recipes.run.report_page.event_lines import LONGEST_LINE, Event
from lumina_cli.recipes.run.report_page.history import RunHistory

MAX_POINTS = 2_000
MAX_BYTES_AT_ONCE = 32_000_000
"""More than the file of a long run; of one that is larger the rest is read the next times."""

NUM_PACE_STEPS = 50
"""By so many of the newest steps it is told how long the rest will take."""

COUNTED = ("BatchSplit", "StepSkipped", "RolledBack", "LossSpiked", "SaveFailed")


class RunReader:
    """What a run's file of events tells so far.

    Args:
        path: of the file.

    Attributes:
        num_bytes: how much of it is read.
        num_broken: lines that are no events: a crash cut them off, or somebody changed them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin(file_id=None)

    def _begin(self, file_id: tuple[int, int] | None) -> None:
        self.history = RunHistory(most=MAX_POINTS)
        self.num_bytes = self.num_broken = 0
        self.last: Event = {}
        self.counts: Counter[str] = Counter()
        self.pace: deque[Event] = deque(maxlen=NUM_PACE_STEPS + 1)
        self.snapshots: dict[int, None] = {}
        self._file_id = file_id

    def update(self) -> None:
        """Read what has come since; a file that is another or shorter is read anew.

        Raises:
            OSError: it can't be read.
        """
        with open_regular(self.path, follows_links=False) as file:
            found = os.fstat(file.fileno())
            file_id = (found.st_dev, found.st_ino)
            if file_id != self._file_id or found.st_size < self.num_bytes:
                self._begin(file_id)
            file.seek(self.num_bytes)
            until = self.num_bytes + MAX_BYTES_AT_ONCE
            for line in iter(partial(file.readline, LONGEST_LINE), b""):
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                    return  # it is being written
                self.num_bytes += len(line)
                self._take(line)
                if self.num_bytes >= until:
                    return

    def _take(self, line: bytes) -> None:
        try:
            event = self.history.add_line(line)
        except (ValueError, RecursionError):
            self.num_broken += bool(line.strip())
            return
        if event is None:
            return
        if event["event"] not in SUCCESSFUL_SAVES:  # they may come behind the end
            self.last = event
        self.counts[event["event"]] += event["event"] in COUNTED
        if event["event"] == "StepDone":
            self.pace.append(event)
        elif event["event"] == "SnapshotSaved":
            self.snapshots[event["step"]] = None
