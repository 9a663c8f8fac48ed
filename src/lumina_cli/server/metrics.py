"""What the server counts, in the text form that Prometheus reads."""

from collections import Counter
from collections.abc import Iterator, Sequence

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of a histogram's buckets."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How often a time fell into each bucket."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count a time."""
        place = next((n for n, bound in enumerate(self._bounds) if seconds <= bound), -1)
        self._counts[place] += 1
        self._sum += seconds

    def lines(self, name: str) -> Iterator[str]:
        """Yield the samples of a metric of this name."""
        total = 0
        for bound, count in zip([*self._bounds, "+Inf"], self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum:.6f}"
        yield f"{name}_count {total}"


class Metrics:
    """The server's counts. Belongs to the event loop.

    Attributes:
        time_to_first_token: of texts, from the request on, in seconds.
        request_seconds: of whole requests.
    """

    def __init__(self) -> None:
        self.time_to_first_token = Histogram()
        self.request_seconds = Histogram()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._prompt_ids = 0
        self._output_ids = 0

    def count_request(self, route: str, status: int, *, seconds: float) -> None:
        """Count an answered request; `route` is one of a fixed few."""
        self._requests[route, status] += 1
        self.request_seconds.observe(seconds)

    def count_ids(self, *, prompt: int = 0, output: int = 0) -> None:
        """Count ids that were asked to be read, and ids that were generated."""
        self._prompt_ids += prompt
        self._output_ids += output

    def text(self, *, num_running: int, num_waiting: int) -> str:
        """Return all counts; the texts that go on and wait just now are told by the caller."""
        lines = [
            *_head("requests_total", "counter", "Requests by route and status."),
            *(
                f'lumina_requests_total{{route="{route}",status="{status}"}} {count}'
                for (route, status), count in sorted(self._requests.items())
            ),
            *_gauge("texts_running", "Texts that are being generated.", num_running),
            *_gauge("texts_waiting", "Texts that wait for a place.", num_waiting),
            *_head("prompt_tokens_total", "counter", "Tokens of prompts."),
            f"lumina_prompt_tokens_total {self._prompt_ids}",
            *_head("generated_tokens_total", "counter", "Tokens that were generated."),
            f"lumina_generated_tokens_total {self._output_ids}",
            *_head("time_to_first_token_seconds", "histogram", "Time to a text's first token."),
            *self.time_to_first_token.lines("lumina_time_to_first_token_seconds"),
            *_head("request_seconds", "histogram", "Time that requests took."),
            *self.request_seconds.lines("lumina_request_seconds"),
        ]
        return "\n".join(lines) + "\n"


def _gauge(name: str, help_text: str, value: int) -> list[str]:
    return [*_head(name, "gauge", help_text), f"lumina_{name} {value}"]


def _head(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP lumina_{name} {help_text}", f"# TYPE lumina_{name} {kind}"]
