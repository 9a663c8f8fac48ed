"""`lumina look --html` in a real browser: what the page computes, shows, and keeps to itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.errors import OutputError, UsageError
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.look import page as look_page
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.recipes.look.page import write_look_page
from lumina_cli.recipes.look.request import parse_request
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.browser.test_access import EVERY_LOOK, violations
from tests.unit.browser.pages import Opened, rounded
from tests.unit.export.tiny_exports import CHARACTERS, MERGES, tiny_file

SAID = "bad cafe </script><b>x</b> <|end|>"
TALK = [{"role": "user", "text": SAID}, {"role": "bot", "text": "a fed 漢🙂 é\ncab"}]
TABS = ("next", "surprise", "matters", "source", "layers", "heads", "characters")


def looker_of(folder: Path, tokenizer: Tokenizer | None = None) -> Looker:
    file = tiny_file(tokenizer, seq_length=64, position_encoding="rotary")
    with torch.no_grad():
        file.model.lm_head.weight[6:262] *= 0.05  # letters are likelier than bytes
    rounded(file)
    metadata = {
        "conversations": 3,
        "loss_on": "bot",
        "sampling": {"sampler": "top-k", "max_chars": 80},
    }
    path = folder / "Tiny.pth"
    save_model(path, model=file.model, tokenizer=file.tokenizer, metadata=metadata)
    flags = {"engine": "torch", "precision": "fp32", "seed": 0}
    return Looker(open_model(path, flags=flags, environ={}, toml=None))


@pytest.fixture(scope="module")
def looker(tmp_path_factory: pytest.TempPathFactory) -> Looker:
    return looker_of(tmp_path_factory.mktemp("look"))


@pytest.fixture
def living(browser: Any, looker: Looker, tmp_path: Path) -> Iterator[Any]:
    """The page with the model in it."""
    yield from opened(browser, looker, tmp_path / "living.html", with_model=True)


@pytest.fixture
def written(browser: Any, looker: Looker, tmp_path: Path) -> Iterator[Any]:
    """The page with answers alone, on a dark phone."""
    profile = {"color_scheme": "dark", "viewport": {"width": 375, "height": 667}}
    yield from opened(browser, looker, tmp_path / "written.html", with_model=False, **profile)


def opened(
    browser: Any, looker: Looker, path: Path, *, with_model: bool, **profile: Any
) -> Iterator[Any]:
    request = parse_request({"messages": TALK})
    assert write_look_page(looker, request, path, with_model=with_model) == path.stat().st_size
    window = Opened(browser, path, **profile)
    window.page.wait_for_selector("#view[aria-busy=false] #shown:not(:empty)")
    yield window.page
    window.close()


def show(page: Any, view: str) -> None:
    page.click(f"#tab-{view}")
    page.wait_for_selector("#view[aria-busy=false] #shown:not(:empty)")


def near(found: Any, expected: Any, where: str = "") -> None:
    """Fail unless two answers are the same but for rounding."""
    if isinstance(expected, dict):
        for key in expected.keys() - {"notes", "logits", "maps"}:
            near(found.get(key), expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            near(one, other, f"{where}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-3), where
    elif expected is not None or found is not None:
        assert found == expected, where


@pytest.mark.parametrize(
    "tokenizer", [None, BpeTokenizer(CHARACTERS, MERGES, added="x'")], ids=["characters", "bpe"]
)
def test_views_in_the_page_are_those_of_lumina_look(
    browser: Any, tmp_path: Path, tokenizer: CharacterTokenizer | BpeTokenizer | None
) -> None:
    looker = looker_of(tmp_path, tokenizer)
    nucleus = {"sampler": "nucleus", "temperature": 0.9, "top_p": 0.6}
    requests = [
        {"view": "next", "messages": TALK[:1], "sampling": nucleus},
        {"view": "surprise", "messages": TALK},
        {"view": "surprise", "text": "bad 漢🙂" * 9, "is_ended": True},
        {"view": "matters", "messages": TALK},
        {"view": "matters", "messages": TALK, "at": 40},
        {"view": "layers", "messages": TALK},
        {"view": "heads", "messages": TALK, "at": 12, "off": [[1, 0]]},
        {"view": "characters"},
    ]
    path = tmp_path / "page.html"
    write_look_page(looker, parse_request({"messages": TALK}), path, with_model=True)
    window = Opened(browser, path)
    window.page.wait_for_function("globalThis.lumina")
    found = window.page.evaluate("rows => Promise.all(rows.map(lumina.ask))", requests)
    empty = "view => lumina.ask({view, text: ''}).catch(({message}) => message)"
    for view in ("matters", "heads"):
        assert window.page.evaluate(empty, view) == "there is no text to look into"
    window.close()
    for answer, request in zip(found, requests, strict=True):
        near(answer, looker.answer(request), str(request["view"]))


def test_a_person_types_moves_the_bars_and_goes_on(living: Any) -> None:
    page = living
    figures = page.locator("#shown .bar .figure")
    page.select_option("#set-sampler", "nucleus")
    page.fill("#set-temperature", "2")
    page.fill("#set-top_p", "1")
    page.wait_for_selector("#view[aria-busy=false]")
    warm = figures.all_inner_texts()
    assert sum("drawn" in figure for figure in warm) > 10
    page.fill("#set-temperature", "0.1")
    page.wait_for_selector("#view[aria-busy=false]")
    assert figures.all_inner_texts() != warm
    page.fill("#reply", "")
    page.click("#draw")
    page.wait_for_selector("#draw:enabled")
    page.fill("#said", "dab")
    page.fill("#reply", "a")
    page.wait_for_selector("#view[aria-busy=false]")
    letter = page.locator("#shown .bar bdi").filter(has_text=re.compile("^[a-g]$")).first
    chosen = letter.inner_text()
    letter.click()
    assert page.input_value("#reply") == f"a{chosen}"
    show(page, "source")
    assert "can’t be told" in page.inner_text("#shown")
    show(page, "heads")
    page.click("#shown .head button >> nth=0")
    page.wait_for_selector("#shown .head.off")
    assert "Without 1 of the heads" in page.inner_text("#shown")
    assert violations(page) == []


def test_what_was_written_down_is_shown_on_a_phone_by_keys(written: Any) -> None:
    page = written
    assert page.input_value("#said") == SAID  # a text, whatever it holds
    assert page.locator("#said[readonly]").count() == 1
    page.emulate_media(reduced_motion="reduce")
    page.focus("#tab-next")
    for tab in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#view[aria-busy=false] #shown:not(:empty)")
        assert page.get_attribute(f"#tab-{tab}", "aria-selected") == "true"
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        assert page.evaluate("document.getAnimations().length") == 0
    show(page, "surprise")
    assert violations(page) == []
    assert "Sure is not right" in page.inner_text("#shown")
    grey = page.locator("#shown .turn.user span:not(.grey)")
    assert grey.count() == 0
    page.focus("#shown [role=listbox]")
    before = page.inner_text("#shown h3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.inner_text("#shown h3") != before
    assert page.evaluate("document.activeElement.role") == "listbox"
    page.goto(page.url + "?lang=de")
    assert page.inner_text("#tab-source") == "Woher"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(living: Any, scheme: str) -> None:
    living.emulate_media(color_scheme=scheme)
    for width in (375, 1280):
        living.set_viewport_size({"width": width, "height": 800})
        for tab in TABS:
            show(living, tab)
            assert violations(living, EVERY_LOOK) == []


def test_a_file_that_is_no_page_of_ours_is_left_alone(looker: Looker, tmp_path: Path) -> None:
    path = tmp_path / "diary.html"
    path.write_text("<p>mine</p>", "utf-8")
    with pytest.raises(OutputError) as caught:
        write_look_page(looker, parse_request({"text": "bad"}), path)
    assert "--html" in caught.value.hint
    assert path.read_text("utf-8") == "<p>mine</p>"


def test_a_model_too_large_for_a_browser_is_refused(
    looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_page, "MAX_LIVING_PARAMETERS", 1_000)
    with pytest.raises(UsageError, match="1,000 at most") as caught:
        write_look_page(looker, parse_request({"text": "bad"}), tmp_path / "x", with_model=True)
    assert "--with-model" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
