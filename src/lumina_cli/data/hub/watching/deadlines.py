"""How long a hub may take, and how much it may send, until it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Bounds for one data set; times in seconds.

    Args:
        probe_s: until a hub answers anything at all.
        answer_s: until the head of an answer has come, redirects included.
        silence_s: without a byte within an answer, or with no connection.
        slow_s: in which an answer brings `min_bytes_per_s` or ends.
        min_bytes_per_s: what the slowest connection brings that gets anywhere.
        search_s: until it is known which files there are.
        wait_s: that the hub may ask to wait before the next question.
        whole_s: for all of it.
        max_answer_bytes: all answers together that are no files of the data set.
    """

    probe_s: float = 4.0
    answer_s: float = 20.0
    silence_s: float = 30.0
    slow_s: float = 60.0
    min_bytes_per_s: int = 1_000
    search_s: float = 180.0
    wait_s: float = 30.0
    whole_s: float = 24 * 3600.0
    max_answer_bytes: int = 1 << 26
