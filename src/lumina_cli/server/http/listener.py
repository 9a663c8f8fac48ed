"""The socket that the server listens on."""

import errno
import socket

from lumina_cli.errors import LuminaError, OutputError, UsageError

_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free port.

    Raises:
        UsageError: no such address on this machine.
        OutputError: the port is in use, or may not be used.
    """
    family, address = _resolve(host, port)
    both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise _explained(error, host, port) from error


def url_of(host: str, port: int) -> str:
    """Return the address for a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _no_such_address(host) from error
    # localhost may name both, and people type 127.0.0.1.
    family, *_, address = min(found, key=lambda item: item[0] != socket.AF_INET)
    return family, (str(address[0]), port)


def _no_such_address(host: str) -> UsageError:
    return UsageError(
        f"this machine has no address {host!r}",
        hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for others, too",
    )


def _explained(error: OSError, host: str, port: int) -> LuminaError:
    where = f"port {port} of {host}"
    if error.errno == errno.EADDRINUSE:
        return OutputError(
            f"{where} is in use by another program",
            hint=f"lumina serve --port {port + 1 if port < 65_535 else port - 1}, "
            "or --port 0 for any free one",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return OutputError(f"{where} may not be used by you", hint="lumina serve --port 8000")
    if error.errno == errno.EADDRNOTAVAIL:
        return _no_such_address(host)
    return OutputError(f"{where} can't be listened on: {error.strerror}")
