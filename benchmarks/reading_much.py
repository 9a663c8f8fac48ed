"""How much memory a large text takes from the file to the corpus, and that reading it goes on.

    python benchmarks/reading_much.py                        0.5 GB and 2 GB of plain text
    python benchmarks/reading_much.py --mb 10000 --interrupt  10 GB, interrupted once by Ctrl-C
    python benchmarks/reading_much.py --kind rows             of rows with a question and an answer

It needs three times the space of the text in the temporary folder (TMPDIR names another): the
text, the documents that wait, and the corpus. Each is read by `lumina train`, in a process of its
own with a cache of its own; memory is the most that process had, torch included.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from lumina_cli.data.starter.corpus import conversations

FRACTION = 0.5
"""Of the reading, after which it is interrupted."""
COMMAND = [sys.executable, "-m", "lumina_cli", "train", "--max-steps", "1", "--num-layers", "1"]
COMMAND += ["--hidden-size", "32", "--nhead", "2", "--batch-size", "1", "--seq-length", "512"]


class Run(NamedTuple):
    """How one process went."""

    seconds: float
    peak_mb: float
    told: str
    exit_code: int


def texts() -> Iterator[str]:
    """Lines of prose that are all different."""
    said = [message.text for each in conversations() for message in each.messages]
    for number in count():
        yield f"{number}: {' '.join(said[number % 997 : number % 997 + 40])} Ω\n"


def rows() -> Iterator[str]:
    """A question and an answer a line."""
    said = [message.text for each in conversations() for message in each.messages]
    for number in count():
        pair = {"user": f"{number}: {said[number % 997]}", "bot": said[number % 991]}
        yield json.dumps(pair) + "\n"


KINDS = {"text": (texts, ".txt"), "rows": (rows, ".jsonl")}


def write(path: Path, lines: Iterator[str], *, mb: int) -> None:
    """Write a file of about so many megabytes."""
    with path.open("w", encoding="utf-8") as file:
        left = mb * 1_000_000
        while left > 0:
            left -= file.write("".join(next(lines) for _ in range(200)))


def train(data: Path, folder: Path, *, interrupts: bool) -> Run:
    """Let `lumina train` read a file, and send it Ctrl-C in the middle where that is asked for."""
    environment = os.environ | {"LUMINA_CACHE_DIR": str(folder / "cache")}
    command = [*COMMAND, "--data", str(data), "--out", str(folder / "Model.pth"), "--yes"]
    begun_s = time.perf_counter()
    with (folder / "told").open("w") as told:
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=told)
        peak_kb = 0
        while process.poll() is None:
            peak_kb = max(peak_kb, _peak_kb(process.pid))
            if interrupts and _share_read(folder / "cache") >= FRACTION:
                process.send_signal(signal.SIGINT)
                interrupts = False
            time.sleep(0.05)
    seconds = time.perf_counter() - begun_s
    told_text = (folder / "told").read_text(encoding="utf-8")
    return Run(seconds, peak_kb / 1000, told_text, process.returncode)


def _peak_kb(pid: int) -> int:
    """Return the most memory that a process had so far, as Linux tells it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    lines = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(line.split()[1]) for line in lines), 0)


def _share_read(cache: Path) -> float:
    """Return how much of the source the reading in a cache has come through."""
    for path in cache.glob("*/building-*/progress.json"):
        try:
            progress = json.loads(path.read_text(encoding="utf-8"))["description"]
        except (OSError, ValueError):
            continue
        return 1.0 if "read" in progress else float(progress["reading"]["share"])
    return 0.0


def measure(mb: int, *, kind: str, interrupts: bool) -> None:
    """Read so much text, and print what it took."""
    lines, suffix = KINDS[kind]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / f"data{suffix}"
        write(data, lines(), mb=mb)
        size = data.stat().st_size
        runs = [train(data, folder, interrupts=interrupts)]
        if interrupts:
            runs.append(train(data, folder, interrupts=False))
    for run in runs:
        lines = map(str.strip, run.told.splitlines())
        went_on = [line for line in lines if " went on at " in line or line.startswith("Stopped")]
        print(
            f"{size / 1e9:.2f} GB of {kind}: {run.seconds:.1f} s, peak {run.peak_mb:.0f} MB, "
            f"exit code {run.exit_code} {'; '.join(went_on)}",
            flush=True,
        )
    if runs[-1].exit_code:
        sys.exit(runs[-1].told[-2000:])


def main() -> None:
    """Measure all sizes that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mb", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--kind", choices=sorted(KINDS), default="text")
    parser.add_argument("--interrupt", action="store_true")
    options = parser.parse_args()
    for mb in options.mb:
        measure(mb, kind=options.kind, interrupts=options.interrupt)


if __name__ == "__main__":
    main()
