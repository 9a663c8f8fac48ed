"""The page put together: from its parts in this package, as one file or as a folder."""

import base64
import gzip
import html
from collections.abc import Mapping
from importlib.resources import files
from string import Template

from lumina_cli.browser.bundle import one_script, read_parts
from lumina_cli.browser.signed import signed

RUNTIME_SCRIPT = "ort.wasm.min.js"
RUNTIME_FILES = ("ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")

_PACKED = ".gz"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "script-src {scripts} blob: 'wasm-unsafe-eval'; connect-src {connections}"
)
"""What the browser lets the page do: one that holds everything may connect to nothing."""


def one_page(model: Mapping[str, bytes], *, name: str) -> bytes:
    """Return a page that holds everything, with a digest at its end.

    Args:
        model: its files, by the names that the page has for them.
        name: what the model is called.
    """
    packed = {file: _packed_runtime(file) for file in RUNTIME_FILES}
    packed |= {file: gzip.compress(content, mtime=0) for file, content in model.items()}
    parts = [_inline_file(file, content) for file, content in packed.items()]
    parts.append(f"<script>\n{runtime(RUNTIME_SCRIPT).decode()}\n</script>")
    parts.append(f'<script type="module">\n{page_script()}\n</script>')
    policy = _POLICY.format(scripts="'unsafe-inline'", connections="'none'")
    page = _page(name=name, policy=policy, scripts="\n".join(parts)).encode()
    return signed(page)


def page_folder(model: Mapping[str, bytes], *, name: str) -> dict[str, bytes]:
    """Return the files of a folder for a web server, by name: see `one_page`."""
    scripts = f'<script src="{RUNTIME_SCRIPT}"></script>\n<script type="module" src="page.js">'
    policy = _POLICY.format(scripts="'self'", connections="'self'")
    page = _page(name=name, policy=policy, scripts=f"{scripts}</script>")
    return {
        "index.html": page.encode(),
        "page.js": page_script().encode(),
        RUNTIME_SCRIPT: runtime(RUNTIME_SCRIPT),
        **{file: runtime(file) for file in RUNTIME_FILES},
        **model,
    }


def runtime(name: str) -> bytes:
    """Return a file of ONNX Runtime Web."""
    folder = files("lumina_cli.export.web") / "runtime"
    if (folder / name).is_file():
        return (folder / name).read_bytes()
    return gzip.decompress((folder / f"{name}{_PACKED}").read_bytes())


def _packed_runtime(name: str) -> bytes:
    """Return a file of ONNX Runtime Web packed: the large one lies so in this package."""
    packed = files("lumina_cli.export.web") / "runtime" / f"{name}{_PACKED}"
    return packed.read_bytes() if packed.is_file() else gzip.compress(runtime(name), mtime=0)


def page_script() -> str:
    """Return the page's modules as one."""
    own = files("lumina_cli.export.web") / "page"
    modules = {entry.name: _part(entry.name) for entry in own.iterdir()}
    return one_script({**read_parts("model"), **modules}, entry="page.js")


def _page(*, name: str, policy: str, scripts: str) -> str:
    return Template(_part("page.html")).substitute(
        name=html.escape(name),
        policy=policy,
        style=_part("page.css"),
        licence=html.escape(runtime("LICENSE").decode()),
        scripts=scripts,
    )


def _part(name: str) -> str:
    return (files("lumina_cli.export.web") / "page" / name).read_text(encoding="utf-8")


def _inline_file(name: str, packed: bytes) -> str:
    return f'<script type="text/plain" id="{name}">{base64.b64encode(packed).decode()}</script>'
