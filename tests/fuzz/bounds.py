"""What no file may do: end in another error than ours, take long, or take much memory."""

import os
import sys
import time
from collections.abc import Callable

from hypothesis import HealthCheck, currently_in_test_context, event, settings

from lumina_cli.errors import LuminaError

MOST_CPU_S = 2.0
MOST_BYTES = 300_000_000
MOST_CHARS = 10_000
"""Of what is told: names in a file may be long."""

ASKED = os.environ.get("LUMINA_FUZZ_EXAMPLES")
EXAMPLES = int(ASKED or 25)

fuzzed = settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
"""Few examples in `make test`, as many as asked in `make fuzz`."""

seldom_fuzzed = settings(fuzzed, max_examples=int(ASKED or 12))
"""Fewer still, of what takes long for each."""


def peak_bytes() -> int:
    """Return the most memory that this process ever had; 0 where nobody tells."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reads_or_refuses(read: Callable[[], object]) -> bool:
    """Read something; return whether it was taken. Anything but a LuminaError is let out.

    Time is that of the processor, so that a busy machine does not count.
    """
    told: LuminaError | None
    before, started_s = peak_bytes(), time.process_time()
    try:
        read()
    except LuminaError as error:
        told = error
    else:
        told = None
    assert told is None or len(told.message) < MOST_CHARS
    used_s = time.process_time() - started_s
    assert used_s < MOST_CPU_S, f"{used_s:.1f} s"
    assert peak_bytes() - before < MOST_BYTES, f"{peak_bytes() - before:,} bytes"
    if currently_in_test_context():
        event("taken" if told is None else type(told).__name__)
    return told is None
