"""Modules as one script, and pages that are one file."""

import base64
import hashlib
import json
import re
from io import BytesIO

from lumina_cli.browser.bundle import one_script, read_parts
from lumina_cli.browser.look_page import look_page
from lumina_cli.browser.one_file import one_file
from lumina_cli.browser.signed import is_signed, signed
from tests.conftest import REPOSITORY

FOLDERS = ("look", "model", "parts", "views")
TEMPLATE = "$policy<title>$title</title>$style$data$script"


def test_a_module_stands_behind_those_it_imports_and_names_mean_nothing_elsewhere() -> None:
    script = one_script(
        {
            "a.js": "import {b as c, $} from './b.js';\nconst x = c;\nc($);",
            "b.js": "export const $ = 1;\nconst x = 2;\nexport async function b() {}",
            "unused.js": "export const z = 3;",
        },
        entry="a.js",
    )
    assert "z = 3" not in script
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert script.index("module_b_js =") < script.index("module_a_js =")
    assert "const {b: c, $} = module_b_js;" in script
    assert "return {$, b};" in script


def test_the_policy_lets_one_script_and_one_style_run_and_nothing_be_loaded() -> None:
    page = one_file(TEMPLATE, title="<b>", style="p{}", script="go()", data={})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    for name, text in (("script-src", "go()"), ("style-src", "p{}")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert "connect-src" not in rules
    assert "<title>&lt;b&gt;</title>" in page


def test_no_text_ends_the_element_that_holds_it() -> None:
    said = "</script><script>alert(1)</script><!-- & \u2028 $title"
    page = one_file(TEMPLATE, title="t", style="", script="", data={"told": {"said": said}})
    held = re.search(r'<script type="application/json" id="told">(.*?)</script>', page)
    assert held is not None
    assert json.loads(held[1]) == {"said": said}


def test_a_page_that_somebody_changed_is_known() -> None:
    page = signed(b"<p>one</p>")
    assert is_signed(BytesIO(page))
    assert not is_signed(BytesIO(page.replace(b"one", b"two")))


def test_nothing_comes_from_outside_and_no_text_becomes_markup_or_code() -> None:
    parts = read_parts(*FOLDERS)
    assert len(parts) > 20
    for name, text in parts.items():
        assert not re.search(r"https?://|//[\w-]+\.\w|@import|url\(", text), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\("
            r"|\son\w+=\"|style=\"|<style|<script>|fetch\(|XMLHttpRequest|WebSocket",
            text,
        ), name
        assert text.count("\n") <= 300, name


def test_every_string_is_used_and_each_that_is_used_is_there() -> None:
    parts = read_parts(*FOLDERS)
    strings = parts.pop("strings.js")
    entry = REPOSITORY / "src/lumina_cli/server/page/look_main.js"
    rest = "".join(parts.values()) + entry.read_text("utf-8")
    english, german = strings.split("const de = {")
    keys, others = (
        set(re.findall(r"(?:[{] ?|^  |', )(\w+): '", text, re.MULTILINE))
        for text in (english, german)
    )
    same = {"sampler", "top_k", "top_p", "min_p"}
    assert others | same == keys
    words = set(re.findall(r"\w+", rest))
    made = {key for key in keys if key.startswith(("tag_", "by_"))}
    assert keys - made - words == set()
    called = set(re.findall(r"\bt\('(\w+)'", rest)) | set(
        re.findall(r'data-t(?:-label)?="(\w+)"', rest)
    )
    assert called - keys == set()


def test_a_page_without_a_model_holds_none() -> None:
    facts = {"name": "Model", "isChatbot": False, "lossOn": "all", "sampling": {}}
    page = look_page({"said": "a", "reply": "", "request": {}}, facts=facts, answers={})
    assert 'id="look-data"' in page
    assert 'id="model-data"' not in page
