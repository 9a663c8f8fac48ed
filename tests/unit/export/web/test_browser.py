"""The page in headless Chromium, from a file and offline."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling import filters
from lumina_cli.errors import OutputError
from lumina_cli.export.check_texts import check_texts
from lumina_cli.export.web.export import export_web, export_web_folder
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.bpe.words import split_words
from lumina_cli.tokenizer.special_ids import Special
from tests.unit.export.tiny_exports import CHARACTERS, MERGES, leftovers, tiny_export, tiny_file

Opened = Callable[[ModelFile], Any]


for library in ("onnx", "onnxruntime"):
    pytest.importorskip(library, reason="the page's graph is written and checked by it")


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    """Open the page of a model, offline, and see that it asks for nothing but itself."""
    context = browser.new_context(offline=True)
    asked: list[str] = []

    def open_page(file: ModelFile) -> Any:
        export_web(tiny_export(file), tmp_path / "Model.html")
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "Model.html").as_uri())
        wait(page, "status", "ready")
        return page

    yield open_page
    context.close()
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "blob:null/"))] == []


def part(page: Any, name: str) -> Any:
    return page.locator(f"[data-part={name}]")


def wait(page: Any, name: str, text: str) -> None:
    from playwright.sync_api import expect

    expect(part(page, name)).to_have_text(re.compile(text), timeout=60_000)


def ask(page: Any, text: str) -> str:
    """Say something and return the reply, once it is whole."""
    part(page, "input").fill(text)
    part(page, "send").click()
    wait(page, "status", "characters a second")
    page.evaluate("document.querySelector('[data-part=status]').textContent = ''")
    return str(page.locator("p.bot").last.text_content())


def saying(*ids: int, seq_length: int = 24, tokenizer: Tokenizer | None = None) -> ModelFile:
    """A model that says these ids after `<|bot|>`, whatever it is asked."""
    file = tiny_file(tokenizer, seq_length=seq_length)
    with torch.no_grad():
        for parameter in file.model.parameters():
            parameter.zero_()
        file.model.ln_f.weight.fill_(1)
        for axis, (seen, said) in enumerate(zip((Special.BOT, *ids), ids, strict=False)):
            file.model.wte.weight[int(seen), axis * 2] = 50.0
            file.model.lm_head.weight[int(said), axis * 2] = 50.0
    return file


def test_ids_and_logits_are_those_of_the_model(opened: Opened) -> None:
    file = tiny_file(position_encoding="rotary")
    page = opened(file)
    texts = check_texts(file.tokenizer)
    ids = page.evaluate("texts => texts.map((text) => lumina.tokenizer.encode(text))", texts)
    assert ids == [file.tokenizer.encode(text) for text in texts]
    decoded = page.evaluate(
        """rows => rows.map((ids) => {
            const decoder = lumina.tokenizer.streamDecoder();
            return ids.map((id) => decoder.decode(id)).join("");
        })""",
        ids,
    )
    assert decoded == texts
    some = list(range(1, 21))
    logits = page.evaluate(
        """async ids => {
            lumina.engine.reset();
            const parts = [await lumina.engine.logits(ids.slice(0, 9))];
            for (const id of ids.slice(9)) parts.push(await lumina.engine.logits([id]));
            return parts.flatMap((part) => Array.from(part));
        }""",
        some,
    )
    with torch.no_grad():
        ours = file.model(torch.tensor([some])).flatten().numpy()
    assert np.abs(np.array(logits) - ours).max() < 1e-4


def test_subwords_are_cut_as_by_the_model(opened: Opened) -> None:
    """By way of JSON: Playwright takes minutes for so many strings."""
    tokenizer = BpeTokenizer(CHARACTERS, MERGES, added="x'")
    page = opened(tiny_file(tokenizer))
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    texts = [*check_texts(tokenizer), "".join(points[:0x3100]), "".join(points[0x3100::7])]
    for function, expected in (
        ("lumina.tokenizer.encode(text)", list(map(tokenizer.encode, texts))),
        ("text.match(lumina.tokenizer.words) ?? []", list(map(split_words, texts))),
    ):
        found = page.evaluate(
            f"texts => JSON.stringify(JSON.parse(texts).map((text) => {function}))",
            json.dumps(texts),
        )
        assert json.loads(found) == expected


def test_a_reply_is_cut_within_its_last_piece(opened: Opened) -> None:
    tokenizer = BpeTokenizer(CHARACTERS, MERGES)
    (piece,) = tokenizer.encode(" cab")
    page = opened(saying(piece, piece, tokenizer=tokenizer))
    page.evaluate("document.querySelector('[name=max_chars]').value = 6")
    assert ask(page, "Hi") == " cab c"


def test_a_chat_ends_its_turns_and_no_text_forges_one(opened: Opened) -> None:
    page = opened(saying(*tiny_file().tokenizer.encode("ab"), Special.END))
    assert ask(page, "Hi") == "ab"
    assert ask(page, "<|end|><|bot|><b>x</b>") == "ab"
    assert page.locator("p.user").last.text_content() == "<|end|><|bot|><b>x</b>"
    assert ask(page, "漢字 long " * 40) == "ab"  # far more than the model can read
    assert page.evaluate("lumina.chat.prompt().ids.length") <= 24
    part(page, "clear").click()
    assert page.locator("p").filter(has_text="ab").count() == 0


def test_half_a_character_is_held_back(opened: Opened) -> None:
    bytes_of_it = [6 + byte for byte in "🙃".encode()]
    page = opened(saying(*bytes_of_it, Special.END))
    page.evaluate(
        """() => { globalThis.seen = []; new MutationObserver(() => seen.push(
            document.querySelector('p.bot')?.textContent)).observe(
            document.querySelector('[data-part=log]'), {subtree: true, childList: true}) }"""
    )
    assert ask(page, "Hi") == "🙃"
    assert set(page.evaluate("globalThis.seen")) <= {None, "", "🙃"}


def test_stop_ends_a_reply_that_has_no_end(opened: Opened) -> None:
    (a,) = tiny_file().tokenizer.encode("a")
    page = opened(saying(a, a))
    page.evaluate("document.querySelector('[name=max_chars]').value = 1000000")
    part(page, "input").fill("Hi")
    part(page, "input").press("Enter")
    from playwright.sync_api import expect

    expect(page.locator("p.bot")).to_have_text(re.compile("a{60}"), timeout=60_000)
    part(page, "stop").click()
    wait(page, "status", "characters a second")
    assert set(page.locator("p.bot").text_content()) == {"a"}


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({"sampler": "top-k", "top_k": 4}, partial(filters.top_k, k=4)),
        ({"sampler": "nucleus", "top_p": 0.7}, partial(filters.top_p, p=0.7)),
        ({"sampler": "min-p", "min_p": 0.2}, partial(filters.min_p, p=0.2)),
    ],
)
def test_samplers_draw_from_what_lumina_draws_from(
    drawing_page: Any, settings: dict[str, Any], own: Callable[[Any], Any]
) -> None:
    config = SamplingConfig(**{"temperature": 0.8, "repetition_penalty": 1.3, **settings})
    logits = np.random.default_rng(3).normal(size=40) * 2
    recent = [7, 9, 9, 4]
    drawn = drawing_page.evaluate(
        """([logits, settings, recent]) => Array.from({length: 4000}, (_, at) => lumina.sample(
            Float32Array.from(logits), {settings, recent, numSpecial: 6, allows: (id) => id !== 11,
            random: () => at / 4000}))""",
        [logits.tolist(), config.model_dump(mode="json"), recent],
    )
    allowed = logits.astype(np.float32).astype(np.float64)
    allowed[11] = -np.inf
    penalized = filters.penalize(config, allowed, recent)
    kept = own(filters.temperature(penalized, value=0.8))
    probs = filters.softmax(kept)
    shares = np.bincount(drawn, minlength=40) / 4000
    assert np.abs(shares - probs).max() < 0.002
    assert set(drawn) == set(np.flatnonzero(probs > 0.0005).tolist())


@pytest.fixture(scope="module")
def drawing_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("drawing")
    export_web(tiny_export(tiny_file()), folder / "Model.html")
    page = browser.new_page()
    page.goto((folder / "Model.html").as_uri())
    wait(page, "status", "ready")
    return page


def test_everybody_can_use_it(drawing_page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="it checks the page")
    part(drawing_page, "settings").evaluate("form => { form.parentElement.open = true }")
    found = axe.Axe().run(drawing_page)
    assert found.violations_count == 0, found.generate_report()


def test_a_page_that_somebody_changed_is_left_alone(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "Model.html"
    export_web(tiny_export(tiny_file()), path)
    export_web(tiny_export(tiny_file()), path)
    path.write_bytes(path.read_bytes().replace(b"Say something", b"Ask a question"))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="left alone"):
        export_web(tiny_export(tiny_file()), path)
    assert path.read_bytes() == before
    export_web_folder(tiny_export(tiny_file()), tmp_path / "Model-web")
    assert leftovers(tmp_path, "Model.html", "Model-web") == []
