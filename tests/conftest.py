"""What every test stands on: one thread, a cache of its own, nothing set from outside.

Torch is loaded by fixtures, in the processes that test, and not in the one that hands out tests:
they begin two seconds earlier.
"""

import asyncio
import gc
import getpass
import os
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lumina_cli.cli.verbosity import verbosity
from tests.chromium import CHROMIUM, is_missing

settings.register_profile("lumina", deadline=None, max_examples=60)
settings.load_profile("lumina")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("LUMINA_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where encoded text goes in this session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def _only_our_environment(cache_dir: Path) -> Iterator[None]:
    """Take away what the person who runs the tests has set; compiled code is kept where torch does,
    from one run of the tests to the next: compiling takes minutes."""
    compiled = Path(tempfile.gettempdir(), f"torchinductor_{getpass.getuser()}")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LUMINA_")]:
            patch.delenv(name)
        patch.setenv("LUMINA_CACHE_DIR", str(cache_dir))
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(compiled))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_signal_is_ignored() -> None:
    """Act on what nohup, or a shell for what runs behind it, has a process ignore."""
    for name in ("SIGHUP", "SIGINT", "SIGQUIT"):
        number = getattr(signal, name, signal.SIGINT)  # Windows has but that one
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _no_time_is_lost() -> Iterator[None]:
    """Leave out what took a third of the time. Syncs: only a power cut would tell, and they wait
    for the disk ten thousand times. Long samples: half of what the training of a tiny model took.
    The starter corpus made anew, always the same.
    """
    import torch

    from lumina_cli.data.starter import corpus
    from lumina_cli.recipes.run import samples

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # it fails as well for what is not open
        patch.setattr(samples, "SAMPLE_CHARS", 8)
        patch.setattr(corpus, "conversations", cache(corpus.conversations))
        yield


@pytest.fixture(scope="module", autouse=True)
def _little_to_collect() -> None:
    """Keep the collector from looking again and again at what lives to the end, the libraries and
    what tests before have left: tests that run out of memory call it each time, as runs do."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_running_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide the loop that a browser's client leaves running, which only its own tests may meet."""
    running = asyncio._get_running_loop()
    if running is None or "browser" in request.fixturenames:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


@pytest.fixture(autouse=True)
def _usual_verbosity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin neither quiet nor verbose, whatever the last test's command line asked for."""
    monkeypatch.setattr(verbosity, "level", 0)


@pytest.fixture(autouse=True)
def _usual_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with fast kernels, whatever the last test's command line asked for."""
    from lumina_cli.core.model.kernels.fast import FAST
    from lumina_cli.core.model.transformer import Transformer

    monkeypatch.setattr(Transformer, "kernels", FAST)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real text; tests that need it are skipped where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared data is not here (set LUMINA_TEST_DATA to its folder)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window: one for all tests of a process."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        is_missing("playwright is not installed")
    if not CHROMIUM:
        is_missing("there is no Chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
