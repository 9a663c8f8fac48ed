"""A page that is one file: it asks nobody for anything, and runs nothing but what stands in it."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from string import Template

_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)


def one_file(
    template: str, *, title: str, style: str, script: str, data: Mapping[str, object]
) -> str:
    """Return a page.

    Args:
        template: HTML with the places `$policy`, `$title`, `$style`, `$data` and `$script`.
        title: its title.
        style: CSS.
        script: of a module.
        data: values for the script, each in an element of this id, as JSON.
    """
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    return Template(template).substitute(
        policy=f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        title=html.escape(title),
        style=f"<style>{style}</style>",
        data="\n".join(_element(name, value) for name, value in data.items()),
        script=f'<script type="module">{script}</script>',
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _element(name: str, value: object) -> str:
    """Return a value where HTML can't end it: whatever text it holds, no tag is in it."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{told}</script>'
