"""`lumina` in processes forked from one that has torch: to start Python with it takes seconds.

They are processes as any other, but for what happens while Python starts.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

from lumina_cli.cli.app import main

PRELOADED = [
    "numpy.random",
    "torch.nn.attention",
    "lumina_cli.cli.commands.train",
    "lumina_cli.cli.errors",
    "lumina_cli.cli.views.train",
    "lumina_cli.recipes.train.pretrain",
    "lumina_cli.recipes.train.resume",
]


class Forked:
    """A command that runs; it is asked as `subprocess.Popen` is.

    Args:
        words: of the command line.
        folder: in which it runs.
    """

    def __init__(self, words: list[str], *, folder: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        pipes = [context.Pipe(duplex=False) for _ in range(2)]
        writers = [writer for _, writer in pipes]
        self._process = context.Process(
            target=_act, args=(words, str(folder), dict(os.environ), writers)
        )
        self._process.start()
        for writer in writers:
            writer.close()
        self.stdout, self.stderr = (_text_of(reader) for reader, _ in pipes)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float) -> None:
        self._process.join(timeout)
        if self.returncode is None:
            self._process.kill()
            raise TimeoutError(f"{self.pid} has not ended after {timeout} s")

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Return all that it wrote to stdout and to stderr, once it has ended."""
        with ThreadPoolExecutor(2) as pool:
            out, err = pool.submit(self.stdout.read), pool.submit(self.stderr.read)
            self.wait(timeout)
        return out.result(), err.result()

    def end(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def forked(*words: str, folder: Path) -> Iterator[Forked]:
    """Run a command until the test is done with it."""
    process = Forked(list(words), folder=folder)
    with closing(process.stdout), closing(process.stderr):
        try:
            yield process
        finally:
            process.end()


def _text_of(reader: Connection) -> TextIO:
    with reader:
        return os.fdopen(os.dup(reader.fileno()), encoding="utf-8")


def _act(
    words: list[str],
    folder: str,
    environ: dict[str, str],
    writers: list[Connection],
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for stream, writer in enumerate(writers, 1):
        os.dup2(writer.fileno(), stream)
        writer.close()
    sys.argv = ["lumina", *words]
    main()
