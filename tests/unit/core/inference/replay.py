"""An engine told to do anything in any order, beside what each row holds by definition."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from lumina_cli.core.inference import engine as module
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.fast import FAST
from lumina_cli.core.model.kernels.interface import Kernels
from lumina_cli.core.model.transformer import Transformer, build_model

T_MAX = 12
V = 30

Operation = tuple[str, int, int]
NAMES = [
    *("admit", "prefill", "forward", "decode", "verify"),
    *("fork", "release", "truncate", "recompute"),
]
operations = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1)),
    max_size=24,
)


class Replay:
    """Does what it is told with an engine, and knows by definition what each row has read."""

    def __init__(self, model: Transformer, engine: Engine) -> None:
        self.model = model
        self.engine = engine
        self.expected: dict[Row, list[int]] = {}

    def text(self, seed: int, length: int) -> list[int]:
        """One of few texts, so that they have beginnings in common."""
        generator = torch.Generator().manual_seed(seed % 3)
        same = torch.randint(V, (length,), generator=generator).tolist()
        return [*same[:-1], seed % V] if length else []

    def some_rows(self, bits: int) -> list[Row]:
        chosen = [row for n, row in enumerate(self.engine.rows) if bits >> n & 1]
        return chosen[::-1] if bits & 1 else chosen

    def said(self, row: Row, id_: int) -> None:
        text = [*self.expected[row], id_]
        self.expected[row] = text if len(text) <= T_MAX else text[-(T_MAX - T_MAX // 2) :]

    def compare(self, rows: Sequence[Row], logits: Tensor) -> None:
        assert_same(logits, uncached(self.model, *(self.expected[row] for row in rows)))

    def do(self, name: str, a: int, b: int) -> None:
        rows = self.engine.rows
        if name == "admit" and len(rows) < 6:
            prompt = self.text(a, 1 + b % (2 * T_MAX))
            row = self.engine.admit(prompt)
            self.expected[row] = list(row.ids)
            assert row.ids == prompt[-T_MAX:][: len(row.ids)]
        elif rows:
            getattr(self, name)(rows[a % len(rows)], a, b)
        for row in rows:
            assert row.ids == self.expected[row]
        assert self.expected.keys() == set(rows)
        assert [row.slot for row in rows] == list(range(len(rows)))

    def admit(self, row: Row, a: int, b: int) -> None:
        """There are enough."""

    def prefill(self, row: Row, a: int, b: int) -> None:
        prompt = self.text(b, 1 + b % (2 * T_MAX))
        logits = self.engine.prefill(row, prompt)
        self.expected[row] = prompt[-T_MAX:]
        self.compare([row], logits)

    def forward(self, _: Row, a: int, b: int) -> None:
        free = self.engine.free_positions
        rows = [row for row in self.some_rows(a) if free(row)]
        work = [(row, self.text(b + row.slot, 1 + (b >> row.slot) % free(row))) for row in rows]
        if work:
            logits = self.engine.forward(work)
            for row, ids in work:
                self.expected[row] += ids
            self.compare(rows, logits)

    def decode(self, _: Row, a: int, b: int) -> None:
        rows = self.some_rows(a)
        if rows:
            ids = [(b >> row.slot) % V for row in rows]
            logits = self.engine.decode(rows, ids)
            for row, id_ in zip(rows, ids, strict=True):
                self.said(row, id_)
            self.compare(rows, logits)

    def verify(self, row: Row, a: int, b: int) -> None:
        if free := self.engine.free_positions(row):
            ids = self.text(b, 1 + b % free)
            logits = self.engine.verify(row, ids)
            before = self.expected[row]
            texts = [[*before, *ids[: n + 1]] for n in range(len(ids))]
            assert_same(logits, uncached(self.model, *texts))
            self.engine.truncate(row, len(before) + 1)
            self.expected[row] = texts[0]

    def fork(self, row: Row, a: int, b: int) -> None:
        if len(self.engine.rows) < 6:
            self.expected[self.engine.fork(row)] = list(self.expected[row])

    def release(self, row: Row, a: int, b: int) -> None:
        self.engine.release(row)
        del self.expected[row]

    def truncate(self, row: Row, a: int, b: int) -> None:
        length = b % (len(row.ids) + 1)
        self.engine.truncate(row, length)
        del self.expected[row][length:]

    def recompute(self, row: Row, a: int, b: int) -> None:
        if row.ids:
            self.compare([row], self.engine.recompute(row.ids).run())


def replay(model: Transformer, engine: Engine, done: Sequence[Operation]) -> None:
    """Do operations with an engine of a model, and compare with the model after each."""
    replayed = Replay(model, engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LEAST_SHARED", 3)
        patch.setattr(module, "RECOMPUTE_CHUNK", 5)
        replayed.do("admit", 1, 2)
        for name, a, b in done:
            replayed.do(name, a, b)


def uncached(model: Transformer, *texts: Sequence[int]) -> Tensor:
    """The logits of what follows each text, (R, V), by the whole model on the whole text."""
    with torch.inference_mode():
        return torch.cat([model(torch.tensor([list(text)]))[:, -1] for text in texts])


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def tiny_model(positions: str, kernels: Kernels = FAST) -> Transformer:
    config = ModelConfig.model_validate(
        {
            "hidden_size": 16,
            "num_layers": 2,
            "num_heads": 2,
            "seq_length": T_MAX,
            "positions": positions,
        }
    )
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=V, generator=generator).eval()
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    model.kernels = kernels
    return model
