"""ES modules as they are written, and as one script for a page that is a single file.

In the script each module is a function of its own, so that names of one mean nothing in another.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath

_IMPORT = re.compile(r"""^import \{([^}]*)\} from ["']\./([\w.]+)["'];$""", re.MULTILINE)
_EXPORT = re.compile(
    r"^export ((?:async )?(?:function\*?|class|const|let)) ([\w$]+|\{[^}]*\})", re.MULTILINE
)


def read_parts(*folders: str) -> dict[str, str]:
    """Return the files in folders of this package, by name."""
    here = files("lumina_cli.browser")
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for folder in folders
        for entry in sorted((here / folder).iterdir(), key=lambda entry: entry.name)
        if PurePath(entry.name).suffix in (".js", ".css", ".html")
    }


def one_script(modules: Mapping[str, str], *, entry: str) -> str:
    """Return modules as one: `entry`, behind all that it imports."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order:
            return
        for match in _IMPORT.finditer(modules[name]):
            add(match[2])
        order.append(name)

    add(entry)
    return "\n".join(_as_function(name, modules[name]) for name in order)


def _as_function(name: str, text: str) -> str:
    exported = [one for match in _EXPORT.finditer(text) for one in re.findall(r"[\w$]+", match[2])]
    body = _IMPORT.sub(
        lambda match: f"const {{{_renamed(match[1])}}} = {_variable(match[2])};", text
    )
    body = _EXPORT.sub(r"\1 \2", body)
    return (
        f"const {_variable(name)} = await (async () => {{\n{body}\n"
        f"return {{{', '.join(exported)}}};\n}})();"
    )


def _renamed(imported: str) -> str:
    return imported.replace(" as ", ": ")


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name)
