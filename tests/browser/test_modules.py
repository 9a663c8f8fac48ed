"""The page's modules against their counterparts in Python."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.server.page import page_files
from tests.browser.conftest import Watched

SOURCES = {name: content.decode() for name, content in page_files().items()}


@pytest.fixture(scope="module")
def page(shared: tuple[Watched, Any]) -> Iterator[Any]:
    """The page, which no test here changes."""
    watched, page = shared
    page.goto(watched.url)
    yield page
    watched.check()


def call(page: Any, module: str, expression: str, argument: Any = None) -> Any:
    """Evaluate an expression of a module's names (as `m`) and an argument (as `x`)."""
    return page.evaluate(
        f"async (x) => {{ const m = await import('/page/{module}.js'); return {expression}; }}",
        argument,
    )


def test_each_language_has_the_same_strings_with_the_same_values(page: Any) -> None:
    languages = call(page, "strings", "m.STRINGS")
    assert sorted(languages) == ["de", "en"]
    assert list(languages["de"]) == list(languages["en"])
    for key, text in languages["en"].items():
        named = re.findall(r"\{\w+\}", text)
        assert sorted(re.findall(r"\{\w+\}", languages["de"][key])) == sorted(named)


def test_each_string_is_used_and_each_that_is_used_is_there(page: Any) -> None:
    strings = set(call(page, "strings", "Object.keys(m.STRINGS.en)"))
    rest = "".join(text for name, text in SOURCES.items() if name != "strings.js")
    words = set(re.findall(r"\w+", rest))
    unused = {key for key in strings if key not in words and not key.endswith("Hint")}
    assert unused == set()
    called = set(re.findall(r"\bt\('(\w+)'", rest)) | set(
        re.findall(r'data-t(?:-label)?="(\w+)"', rest)
    )
    assert called - strings == set()


def test_what_is_hidden_is_what_the_terminal_hides(page: Any) -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    assert call(page, "text", "m.clean(x)", text) == strip_controls(text)


def test_the_usual_settings_are_those_of_lumina_chat(page: Any) -> None:
    assert call(page, "session", "m.DEFAULTS") == json.loads(SamplingConfig().model_dump_json())


def test_settings_are_within_bounds_where_lumina_chat_takes_them(page: Any) -> None:
    numbers = [-3, -2, 0, 0.04, 0.05, 0.1, 0.5, 1, 1.5, 2, 2.1, 64, 65, 65536, 65537, 1e6, 1e6 + 1]
    names = [
        *("temperature", "top_k", "top_p", "min_p", "repetition_penalty"),
        *("num_beams", "length_penalty", "num_candidates", "max_chars"),
    ]
    for name in names:
        taken = [number for number in numbers if is_taken(**{name: number})]
        allowed = call(
            page, "session", f"x.filter((value) => m.isWithin('{name}', value))", numbers
        )
        assert allowed == taken, name


def is_taken(**setting: Any) -> bool:
    try:
        SamplingConfig.model_validate(setting)
    except ValueError:
        return False
    return True


def test_a_character_that_cannot_be_seen_is_named(page: Any) -> None:
    texts = [" ", "\n", "\t", "\u200d", "\u0301", "a", "constructor", "ab c"]
    names = call(page, "text", "x.map(m.named)", texts)
    assert names == ["space", "new line", "tab", "U+200D", "◌\u0301", "a", "constructor", "ab c"]


def test_a_probability_is_never_rounded_to_certainty(page: Any) -> None:
    probs = [1, 0.9999, 0.994, 0.5, 0.0123, 0.004, 0.00001, 0]
    shown = call(page, "strings", "x.map(m.percent)", probs)
    assert shown == ["100%", "> 99%", "99%", "50%", "1%", "0.4%", "< 0.1%", "< 0.1%"]


def test_text_that_differs_from_its_figures_is_shown_without_them(page: Any) -> None:
    entries = [{"logprob": 0, "bytes": [byte]} for byte in b"abc"]
    units = call(
        page, "units", "(() => { const u = new m.Units(); u.add('axy', x); return u; })()", entries
    )
    assert [(unit["text"], unit.get("prob")) for unit in units["list"]] == [("a", 1), ("xy", None)]
