"""The Origin of a request: which pages in a browser may use the server."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from lumina_cli.errors import UsageError
from lumina_cli.server.http.refusal import Refusal

_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_HEADER_NAMES = re.compile(r"[A-Za-z0-9-]{1,64}(?: ?, ?[A-Za-z0-9-]{1,64}){0,31}")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_USUAL_HEADERS = "authorization, content-type"

OTHER_SITE = Refusal(
    403, "Pages of another site may not use this server (see --cors-origin).", "origin_not_allowed"
)


def checked_origins(origins: Iterable[str]) -> frozenset[str]:
    """Return origins as browsers send them.

    Raises:
        UsageError: one is no origin.
    """
    return frozenset(_checked(origin) for origin in origins)


def origin_refusal(
    headers: Mapping[str, str], *, method: str, allowed: frozenset[str]
) -> Refusal | None:
    """Return why a request of a browser is refused, if it is.

    A browser tells with Origin which page sends a request, as a rule; images and scripts are asked
    for without, and only Sec-Fetch-Site tells that another site's page holds them. Programs send
    neither.

    Args:
        headers: of the request, names in lower case; its Host is one of the server's.
        method: of the request.
        allowed: origins from the settings.
    """
    origin = headers.get("origin")
    if origin is not None:
        known = is_allowed(origin, allowed=allowed) or _is_own(origin, headers.get("host", ""))
        return None if known else OTHER_SITE
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return None
    return None if _is_link(headers, method=method) else OTHER_SITE


def is_allowed(origin: str, *, allowed: frozenset[str]) -> bool:
    """Tell whether an origin is one from the settings."""
    return origin in allowed


def cors_headers(origin: str) -> dict[str, str]:
    """Return what lets a page of this origin read an answer."""
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "retry-after",
        "vary": "Origin",
    }


def preflight_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what lets a page of an allowed origin send the request that it asks for."""
    wanted = headers.get("access-control-request-headers", "")
    answer = {
        **cors_headers(headers["origin"]),
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": (
            wanted if _HEADER_NAMES.fullmatch(wanted) else _USUAL_HEADERS
        ),
        "access-control-max-age": "600",
    }
    if headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return answer


def _checked(origin: str) -> str:
    text = origin.strip().rstrip("/").lower()
    if not _ORIGIN.fullmatch(text):
        raise UsageError(
            f"{origin!r} is not an origin", hint="--cors-origin https://example.org, without a path"
        )
    scheme = urlsplit(text).scheme
    return text.removesuffix(_DEFAULT_PORTS[scheme])


def _is_own(origin: str, host: str) -> bool:
    """Tell whether a page comes from this server (or from the proxy with TLS before it)."""
    return origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())


def _is_link(headers: Mapping[str, str], *, method: str) -> bool:
    """Tell whether a person followed a link: then no page of another site sees the answer."""
    return (
        method in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
