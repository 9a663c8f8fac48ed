"""The Host of a request: a page from elsewhere must not reach the server under its own name.

With DNS rebinding an attacker's name first leads to the attacker's page and then to 127.0.0.1; the
browser takes both for one site. What it can't forge is the name in Host: the attacker's.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class AllowedHosts:
    """The names that the server goes by.

    Args:
        names: in lower case, an IPv6 address in brackets.
        any_address: whether every IP address is one (no DNS leads to it, so none can be rebound).
    """

    names: frozenset[str]
    any_address: bool

    def allow(self, host: str) -> bool:
        """Tell whether a Host header names this server; the port does not count."""
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = found[1]
        return name in self.names or (self.any_address and _is_address(name))


def allowed_hosts(host: str, *, origins: Iterable[str] = ()) -> AllowedHosts:
    """Return the names of a server that listens on `host`.

    Args:
        host: the address from the settings.
        origins: those that may use the API: whoever names one trusts its name.
    """
    names = {bracketed(host.lower()), *_LOOPBACK_NAMES}
    names |= {bracketed(urlsplit(origin).hostname or "") for origin in origins}
    is_reachable = not is_loopback(host)
    if is_reachable:
        machine = socket.gethostname().lower()
        names |= {machine, f"{machine}.local"}
    return AllowedHosts(names=frozenset(names - {""}), any_address=is_reachable)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bracketed(host: str) -> str:
    """Return an address as it stands in Host: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
