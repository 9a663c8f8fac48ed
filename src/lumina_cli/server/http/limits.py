"""How much, and for how long, a connection may take."""

from dataclasses import dataclass
from typing import Self

from lumina_cli.server.config import KIB, MIB, ServeConfig

MIN_CONNECTIONS = 256
"""More than a browser, a few scripts and a hundred waiting requests open together."""


@dataclass(frozen=True)
class HttpLimits:
    """Bounds of a connection; all times in seconds."""

    header_timeout_s: float = 5.0
    body_timeout_s: float = 10.0
    idle_timeout_s: float = 15.0
    write_timeout_s: float = 10.0
    """A client that reads more slowly than some kB a second for this long is cut off."""
    linger_s: float = 1.0
    """After a refusal what still comes is read and thrown away: a reset would destroy the answer
    before the client has read it."""
    max_header_bytes: int = 16 * KIB
    max_body_bytes: int = MIB
    max_headers: int = 100
    max_chunks: int = 4096
    """A chunk costs some microseconds however small it is, and the event loop waits meanwhile."""
    max_connections: int = MIN_CONNECTIONS
    send_buffer_bytes: int = 128 * KIB
    """What the kernel holds for a client that does not read."""

    @classmethod
    def from_config(cls, config: ServeConfig) -> Self:
        """Return the limits that the settings ask for."""
        return cls(
            header_timeout_s=config.header_timeout_s,
            body_timeout_s=config.body_timeout_s,
            idle_timeout_s=config.idle_timeout_s,
            max_header_bytes=config.max_header_bytes,
            max_body_bytes=config.max_body_bytes,
            max_connections=max(MIN_CONNECTIONS, 2 * (config.max_queue + config.max_streams)),
        )
