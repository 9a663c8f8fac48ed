"""The page around its parts."""

import base64
import hashlib
import re

import pytest

from lumina_cli.recipes.run.report_page.frame import STYLE, page

PLACES = {"paper", "line"}


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    digits = colour.strip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_reads_on_the_paper(scheme: str) -> None:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.S)
    colours = dict(re.findall(r"--(\w+): (#\w+)", light if scheme == "light" else dark))
    assert len(colours) == 13
    paper = luminance(colours["paper"])
    for name in colours.keys() - PLACES:
        low, high = sorted((paper, luminance(colours[name])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    text = page("<t>", "<p>x</p>")
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert "style=" not in text
    assert "<title>&lt;t&gt;</title>" in text
