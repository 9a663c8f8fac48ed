"""The files of the pages, as the server sends them: nothing from elsewhere, nothing inline."""

import gzip
import hashlib
from importlib.resources import files
from pathlib import PurePath
from string import Template

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lumina_cli.browser.bundle import read_parts

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",  # the icon
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",  # no text becomes markup
    ]
)

HEADERS = {
    "Cache-Control": "no-cache",  # asked for again, and answered with 304
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def page_routes() -> list[Route]:
    """Return a route for each file of the chat page and of the page Look, `/` and `/look`."""
    look = [
        _route("/look" if name == "look.html" else f"/look/{name}", content)
        for name, content in sorted(look_files().items())
    ]
    return [*folder_routes("page", at="/"), *look]


def folder_routes(folder: str, *, at: str) -> list[Route]:
    """Return a route for each file of a page, read once; its `index.html` is at a path."""
    return [
        _route(at if name == "index.html" else f"/{folder}/{name}", content)
        for name, content in sorted(page_files(folder).items())
    ]


def page_files(name: str = "page") -> dict[str, bytes]:
    """Return what the package holds of a page: name → content."""
    folder = files("lumina_cli.server") / name
    own = {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if PurePath(entry.name).suffix in CONTENT_TYPES
    }
    shared = read_parts("parts") if name == "page" else {}
    return {name: text.encode() for name, text in shared.items()} | own


def look_files() -> dict[str, bytes]:
    """Return what the page Look is made of: name → content."""
    files = read_parts("look", "parts", "views")
    files["look.html"] = Template(files["look.html"]).substitute(
        policy="",
        title="lumina",
        style='<link rel="stylesheet" href="look/look.css">',
        data="",
        script='<script type="module" src="page/look_main.js"></script>',
    )
    return {name: text.encode() for name, text in files.items() if name != "file.js"}


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a browser that says so takes content packed by gzip."""
    for each in accept_encoding.lower().split(","):
        coding, *weights = (part.strip() for part in each.split(";"))
        if coding == "gzip":
            return not any(
                weight.startswith("q=") and not weight.strip("q=0.") for weight in weights
            )
    return False


def _route(path: str, content: bytes) -> Route:
    # Weak: it is the same whether the content is packed or not.
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        **HEADERS,
        "ETag": etag,
        "Content-Type": CONTENT_TYPES[PurePath(path).suffix or ".html"],
    }
    packed = gzip.compress(content, mtime=0)

    async def send(request: Request) -> Response:
        known = request.headers.get("if-none-match", "")
        if etag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(status_code=304, headers=headers)
        if takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(packed, headers={**headers, "Content-Encoding": "gzip"})
        return Response(content, headers=headers)

    return Route(path, send, methods=["GET"], name=f"page {path}")
