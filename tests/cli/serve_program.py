"""`lumina serve` as a program that runs beside a test."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server.live import PATIENCE_S, wait_for

KEY = "k" * 32


@dataclass
class Program:
    """The program while it runs, and what it has told so far."""

    popen: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url_of(path), raw, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read())

    def url_of(self, path: str) -> str:
        started = next(line for line in self.lines if "Serving" in line)
        return next(word for word in started.split() if word.startswith("http")) + path

    def stop(self, *signals: int) -> int:
        for number in signals:
            self.popen.send_signal(number)
        return self.popen.wait(PATIENCE_S)


@contextlib.contextmanager
def program(*arguments: object, **environ: str) -> Iterator[Program]:
    """Run `lumina serve` until the test ends; go on once it can be reached."""
    source = Path(__file__).resolve().parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", **environ}
    popen = subprocess.Popen(
        [sys.executable, "-m", "lumina_cli", "serve", "--port", "0", *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    running = Program(popen)
    assert popen.stderr is not None
    reader = threading.Thread(target=lambda: running.lines.extend(popen.stderr or ()), daemon=True)
    reader.start()
    try:
        wait_for(lambda: any("Serving" in line for line in running.lines) or bool(popen.poll()))
        yield running
    finally:
        popen.kill()
        popen.wait()
        reader.join(PATIENCE_S)
        popen.stderr.close()
