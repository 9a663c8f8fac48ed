"""Notices that another rank is gone or stands still, so that nobody waits for it for ever.

Each rank has a thread that tells the store every second that its process lives, and looks at
those next to it. A process that stands still for long is ended, as nothing goes on without it;
one that is busy in a library that lets no other thread run is waited for.
Whoever finds out first writes down how the group ended, and every rank reads that.
"""

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass

from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from lumina_cli.core.training.parallel.ending import find_ending
from lumina_cli.core.training.parallel.place import Place

BEAT_S = 1.0
SILENT_S = 15.0
"""A process that lives tells so each second, even where a core has many to serve."""

BUSY_S = 300.0
"""After so long a process has to tell that it lives, even where nobody sees it stand still."""

JOINING_S = 600.0
"""For all processes to start: machines may have to be waited for."""

GRACE_S = 3.0
"""For the rank itself to notice the end, and to say it better than a thread can."""

LEAVING_S = 20.0
"""For the others to be done, where nobody watches them."""

NUM_WATCHED = 3
END, PID, BEAT, DONE = "end", "pid", "beat", "done"
LOST_CODE = 71
STOPPED = frozenset("TtZX")
"""Letters of Linux for a process that is stopped, traced or dead."""


@dataclass(frozen=True, slots=True)
class End:
    """How a group ended before its work was done: by which rank, and why.

    `code` is the exit code where the rank said itself why, for which starting anew is no cure.
    """

    rank: int
    why: str
    code: int | None = None

    @property
    def message(self) -> str:
        return f"rank {self.rank} {self.why}"


def connect(place: Place, *, is_host: bool = False) -> Store:
    """Return the store that all ranks of a group share.

    Raises:
        RuntimeError: (torch's) nobody answers there.
    """
    store = TCPStore(place.address, place.port, is_master=is_host, wait_for_workers=False)
    return PrefixStore(f"lumina/{place.run_id}/{place.restart}", store)


class Watch:
    """Tells others that this rank lives, and sees whether they do.

    Args:
        place: of this rank.
        store: of the group, a connection that nobody else waits on.
    """

    def __init__(self, place: Place, store: Store) -> None:
        self._place = place
        self._store = store
        self._is_over = threading.Event()
        self._parent = os.getppid()
        self._answered_s = time.monotonic()
        store.set(f"{PID}/{place.index}", f"{os.getpid()} {place.machine}")
        store.set(f"{BEAT}/{place.index}", "0")
        self._wait_for_first()
        self._host = self._process(0)
        self._thread = threading.Thread(target=self._run, name="lumina-watch", daemon=True)
        guard = threading.Thread(target=self._guard, name="lumina-guard", daemon=True)
        with contextlib.suppress(RuntimeError):  # no memory for a thread: timeouts serve
            self._thread.start()
            if not place.is_first and not place.has_agent:
                guard.start()

    def _wait_for_first(self) -> None:
        """Wait until the first rank is there.

        Raises:
            RuntimeError: it won't come.
        """
        until_s = time.monotonic() + JOINING_S
        while not self._store.check([f"{PID}/0"]):
            if find_ending().code is not None or time.monotonic() > until_s:
                raise RuntimeError("the first rank does not come")
            time.sleep(BEAT_S / 20)

    def end(self, why: str, *, code: int) -> bool:
        """Write down that this rank ends in an error; return whether it is the first that does."""
        try:
            return self._write(End(self._place.index, why, code))
        except RuntimeError:
            return self._place.is_first

    def _write(self, end: End) -> bool:
        mine = json.dumps(asdict(end))
        return bool(self._store.compare_set(END, "", mine).decode() == mine)

    def how_it_ended(self) -> End | None:
        """Return how the group ended, if it has."""
        if not self._store.check([END]):
            return None
        return End(**json.loads(self._store.get(END)))

    def find_lost(self, *, patience_s: float = SILENT_S + 5) -> End:
        """Return who was lost, when a call to the others has failed."""
        until_s = time.monotonic() + patience_s
        with contextlib.suppress(RuntimeError):
            while time.monotonic() < until_s:
                if found := self.how_it_ended() or self._dead_here():
                    self._write(found)
                    return found
                time.sleep(BEAT_S / 10)
            return End(self._place.index, "has lost its connection to the others")
        return self._without_store()

    def close(self, *, is_over: bool) -> None:
        """Leave; where all is over, once the others are done, too, who are watched until then."""
        if is_over:
            with contextlib.suppress(RuntimeError):  # who kept the store was the last to wait
                self._store.set(f"{DONE}/{self._place.index}", "1")
                self._wait_for_all()
        self._is_over.set()
        if self._thread.is_alive():  # Python can't end well beside it
            self._thread.join(LEAVING_S)

    def _wait_for_all(self) -> None:
        until_s = time.monotonic() + LEAVING_S
        keys = [f"{DONE}/{index}" for index in range(self._place.world_size)]
        while not self._store.check(keys):
            if not self._thread.is_alive() and time.monotonic() > until_s:
                return
            time.sleep(BEAT_S / 10)

    def _run(self) -> None:
        index, size = self._place.index, self._place.world_size
        others = [(index + n) % size for n in range(1, min(NUM_WATCHED, size - 1) + 1)]
        seen: dict[int, tuple[str, float]] = {}
        looked_s, beat = time.monotonic(), 0
        while not self._is_over.wait(BEAT_S):
            now_s = time.monotonic()
            if now_s - looked_s > SILENT_S / 3:
                seen.clear()  # it was this process that stood still
            looked_s, beat = now_s, beat + 1
            self._end_with_launcher()
            try:
                self._store.set(f"{BEAT}/{index}", str(beat))
                lost = self.how_it_ended() or self._silent(others, seen, now_s=now_s)
            except RuntimeError:
                lost = self._without_store()
            self._answered_s = time.monotonic()
            if lost is not None:
                self._leave(lost)
                return

    def _guard(self) -> None:
        """End the process where the first rank stands still, which keeps the store."""
        looked_s = time.monotonic()
        while not self._is_over.wait(BEAT_S):
            now_s = time.monotonic()
            if now_s - looked_s > SILENT_S / 3:
                self._answered_s = now_s  # it was this process that stood still
            looked_s = now_s
            if now_s - self._answered_s > SILENT_S:
                end = End(0, f"stood still for {SILENT_S:g} seconds and was ended")
                find_ending().tell_why(end.message)
                _kill(self._host)
                self._tell_and_leave(end, tells=self._place.index == 1)

    def _without_store(self) -> End:
        """Return who was lost where the store does not answer."""
        if self._place.has_agent:
            return End(self._place.index, "has lost its connection to the launcher")
        return End(0, "was lost: its process has ended")

    def _end_with_launcher(self) -> None:
        """Ask for a clean end where the launcher, which would pass signals on, was lost."""
        if self._place.run_id and os.getppid() != self._parent:
            self._parent = os.getppid()
            os.kill(os.getpid(), signal.SIGTERM)

    def _silent(
        self, others: list[int], seen: dict[int, tuple[str, float]], *, now_s: float
    ) -> End | None:
        """Return which of the others has stood still for long, if one has."""
        for other in others:
            if self._store.check([f"{DONE}/{other}"]):
                continue
            key = f"{BEAT}/{other}"
            beat = self._store.get(key).decode() if self._store.check([key]) else ""
            if other not in seen or seen[other][0] != beat:
                seen[other] = (beat, now_s)
            elif not beat and (code := find_ending().code) is not None:
                return End(other, "has ended before it began", code)
            elif not beat and now_s - seen[other][1] > JOINING_S:
                return End(other, f"did not come within {JOINING_S / 60:g} minutes")
            elif beat and self._stands_still(other, silent_s=now_s - seen[other][1]):
                end = End(other, f"stood still for {SILENT_S:g} seconds and was ended")
                self._write(end)
                find_ending().tell_why(end.message)
                _kill(self._process(other))
                return end
        return None

    def _stands_still(self, rank: int, *, silent_s: float) -> bool:
        """Return whether a silent rank was stopped or is gone, or is silent for far too long."""
        if silent_s <= SILENT_S:
            return False
        pid = self._process(rank)
        is_gone = pid is not None and (_state(pid) in STOPPED or not _lives(pid))
        return is_gone or silent_s > BUSY_S

    def _leave(self, end: End) -> None:
        """End the process where it does not end by itself."""
        with contextlib.suppress(RuntimeError):
            self._write(end)
        if not self._is_over.wait(GRACE_S):
            self._tell_and_leave(end, tells=self.may_tell())

    def _tell_and_leave(self, end: End, *, tells: bool) -> None:
        ending = find_ending()
        if end.code is not None:
            os._exit(0 if ending.is_told else end.code)
        if tells and not ending.is_told:
            os.write(2, f"error: {end.message}\n".encode())
        os._exit(LOST_CODE)

    def may_tell(self) -> bool:
        """Return whether this rank is the one to tell the end: the first that asks."""
        try:
            return self._store.add("told", 1) == 1
        except RuntimeError:  # it went with the first rank
            return self._place.index == 1 or self._place.has_agent

    @property
    def is_beside_first(self) -> bool:
        """Whether the first rank is on this machine."""
        return self._host is not None

    def _process(self, rank: int) -> int | None:
        """Return the process of a rank, if it is on this machine."""
        key = f"{PID}/{rank}"
        if not self._store.check([key]):
            return None
        pid, machine = self._store.get(key).decode().split()
        return int(pid) if machine == self._place.machine else None

    def _dead_here(self) -> End | None:
        """Return a rank of this machine whose process has ended, if one has."""
        for rank in range(self._place.world_size):
            if self._store.check([f"{DONE}/{rank}"]):
                continue
            pid = self._process(rank)
            if pid is not None and not _lives(pid):
                return End(rank, "was lost: its process has ended")
        return None


def _kill(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return _state(pid) != "Z"  # whoever started it may not have noticed its end yet


def _state(pid: int) -> str:
    """Return the letter that Linux has for what a process does; nothing where nobody tells."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
