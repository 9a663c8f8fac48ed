"""The model in JavaScript, in headless Chromium, against torch."""

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lumina_cli.browser.bundle import one_script, read_parts
from lumina_cli.browser.model_json import living_model
from lumina_cli.browser.one_file import one_file
from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling import filters
from lumina_cli.core.model.kernels.interface import REFERENCE
from lumina_cli.export.check_texts import check_texts
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.stream_decoder import BETWEEN_CHARACTERS
from tests.unit.browser.pages import rounded
from tests.unit.export.tiny_exports import CHARACTERS, MERGES, tiny_file

TOLERANCE = 1e-3
ENTRY = """
import { loadModel } from "./weights.js";
import { distribution } from "./sampler.js";
globalThis.lumina = { loadModel, distribution };
"""
TEMPLATE = """<!doctype html><meta charset="utf-8">
$policy<title>$title</title>$style$data$script
"""
SHAPES: list[dict[str, Any]] = [
    {"position_encoding": position_encoding, "num_heads": num_heads, "num_layers": num_layers}
    for position_encoding in ("sinusoidal", "rotary")
    for num_heads, num_layers in ((1, 1), (4, 3))
]
TOKENIZERS = [CharacterTokenizer(CHARACTERS), BpeTokenizer(CHARACTERS, MERGES, added="x'")]


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page that holds the JavaScript and nothing else."""
    script = one_script({**read_parts("model"), "entry.js": ENTRY}, entry="entry.js")
    path = Path(tmp_path_factory.mktemp("model"), "page.html")
    path.write_text(one_file(TEMPLATE, title="t", style="", script=script, data={}), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("globalThis.lumina")
    return page


def worst(page: Any, file: ModelFile, texts: list[str]) -> float:
    """How far logits are from torch's at most; ids are the same."""
    most = file.model.config.seq_length
    all_ids = page.evaluate(
        """([model, texts]) => {
            globalThis.loaded = lumina.loadModel(model);
            return texts.map((text) => loaded.tokenizer.encode(text));
        }""",
        [living_model(file, name="Model"), texts],
    )
    assert all_ids == [file.tokenizer.encode(text) for text in texts]
    all_ids = [[1, *ids][:most] for ids in all_ids]
    logits = page.evaluate(
        """rows => rows.map((ids) => {
            const pass = loaded.model.read(ids);
            const logits = ids.flatMap((_, t) => Array.from(pass.logits(t)));
            const bytes = new Uint8Array(Float32Array.from(logits).buffer);
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        })""",
        all_ids,
    )  # as a text: Playwright takes minutes for so many numbers
    with torch.no_grad():
        return max(
            float((file.model(torch.tensor([ids])).flatten() - numbers(found)).abs().max())
            for ids, found in zip(all_ids, logits, strict=True)
        )


def numbers(base64: str) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(b64decode(base64), dtype="<f4").copy())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_logits_are_those_of_torch_for_every_shape(page: Any, shape: dict[str, Any]) -> None:
    for tokenizer in TOKENIZERS:
        file = rounded(tiny_file(tokenizer, **shape))
        texts = check_texts(tokenizer)[:10]
        assert worst(page, file, texts) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_logits_of_two_hundred_texts_are_those_of_torch(page: Any, shape: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    letters = list(CHARACTERS + "xyz'.\n1 ")
    texts = ["".join(rng.choice(letters, size=rng.integers(1, 120))) for _ in range(200)]
    for tokenizer in TOKENIZERS:
        file = rounded(tiny_file(tokenizer, hidden_size=64, seq_length=128, **shape))
        assert worst(page, file, texts) < TOLERANCE


def test_a_pass_that_takes_over_rows_is_the_whole_pass(page: Any) -> None:
    file = rounded(tiny_file())
    load(page, file)
    found = page.evaluate(
        """() => {
            const ids = [1, 263, 264, 265, 270, 262, 263];
            const plain = loaded.model.read(ids);
            const rows = (pass) => pass.ids.map((_, t) => Array.from(pass.logits(t)));
            const longer = loaded.model.read([...ids, 266, 267], {earlier: plain});
            const hidden = loaded.model.read(ids, {earlier: plain, hidden: 2});
            return [
                [rows(longer), rows(loaded.model.read([...ids, 266, 267]))],
                [rows(hidden), rows(loaded.model.read(ids, {hidden: 2}))],
            ];
        }"""
    )
    for one, other in found:
        assert one == other
    assert not np.allclose(found[1][0][-1], found[0][1][6])
    assert found[1][0][:3] == found[0][1][:3]  # nobody before it sees it


def test_a_hidden_position_and_a_head_that_is_off_are_those_of_torch(page: Any) -> None:
    file = rounded(tiny_file())
    load(page, file)
    ids = [1, 263, 264, 265, 270, 262, 263]
    hidden, off, rows = page.evaluate(
        """ids => {
            const rows = (pass) => pass.ids.map((_, t) => Array.from(pass.logits(t)));
            const plain = loaded.model.read(ids);
            return [
                rows(loaded.model.read(ids, {hidden: 2})),
                rows(loaded.model.read(ids, {off: [[1, 0]]})),
                ids.map((_, t) => Array.from(plain.attention(1, 1, t))),
            ];
        }""",
        ids,
    )
    for t, row in enumerate(rows):
        assert len(row) == t + 1
        assert sum(row) == pytest.approx(1)
    assert logits(file, ids, without_key=2) == pytest.approx(np.array(hidden), abs=TOLERANCE)
    with torch.no_grad():
        file.model.h[1].attn.c_proj.weight[:, :16] = 0
    assert logits(file, ids) == pytest.approx(np.array(off), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({"sampler": "top-k", "top_k": 4}, lambda logits: filters.top_k(logits, k=4)),
        ({"sampler": "nucleus", "top_p": 0.7}, lambda logits: filters.top_p(logits, p=0.7)),
        ({"sampler": "nucleus", "top_p": 0.0}, lambda logits: filters.top_p(logits, p=0.0)),
        ({"sampler": "min-p", "min_p": 0.2}, lambda logits: filters.min_p(logits, p=0.2)),
    ],
)
def test_bars_are_what_the_sampler_draws_from(
    page: Any, settings: dict[str, Any], own: Callable[[Any], Any]
) -> None:
    file = tiny_file()
    load(page, file)
    config = SamplingConfig(temperature=0.7, **settings)
    logits = np.random.default_rng(3).normal(size=file.tokenizer.vocab_size).astype(np.float32)
    logits[265:268] = logits.max()  # ties
    found = page.evaluate(
        """([logits, settings]) => {
            const decoder = loaded.tokenizer.streamDecoder();
            const allows = (id) => decoder.allows(id);
            const probs = lumina.distribution(logits, {settings, allows, numSpecial: 6});
            return Array.from(probs);
        }""",
        [logits.tolist(), config.model_dump(mode="json")],
    )
    allowed = file.tokenizer.next_id_mask()[BETWEEN_CHARACTERS]
    scores = np.where(allowed, logits.astype(np.float64), -np.inf)
    expected = filters.softmax(own(filters.temperature(scores, value=0.7)))
    assert np.abs(np.array(found) - expected).max() < 1e-6


def load(page: Any, file: ModelFile) -> None:
    page.evaluate(
        "model => { globalThis.loaded = lumina.loadModel(model); }",
        living_model(file, name="Model"),
    )


def logits(file: ModelFile, ids: list[int], *, without_key: int = -1) -> Any:
    """Logits by torch, (T, V); no position behind it looks at one key."""

    def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        T = q.size(2)
        mask = torch.ones(T, T, dtype=torch.bool).tril()
        mask[:, without_key] &= torch.arange(T) == without_key
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    model = file.model
    own = attention if without_key >= 0 else REFERENCE.causal_attention
    model.kernels = REFERENCE._replace(causal_attention=own)
    with torch.no_grad():
        return model(torch.tensor([ids]))[0].numpy()
