"""ONNX Runtime reads what torch reads, and texts side by side are what each is alone."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.sampler import ROUNDING
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.scheduler import Scheduler
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.errors import LuminaError
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.core.inference.replay import Operation, operations, replay, tiny_model

pytest.importorskip("onnx", reason="needs the extra [fast]")
pytest.importorskip("onnxruntime", reason="needs the extra [fast]")

from lumina_cli.onnx.backend import MAX_STEPS
from lumina_cli.onnx.session import onnx_backend

TOKENIZER = CharacterTokenizer(" abcdefgh")
PROMPTS = [[1, 262, 263], [1, *[264, 262] * 60], [1, *[264, 262] * 60, 266], [1], [1, 268] * 35]


def talkative(positions: str) -> Transformer:
    """A model with a context of 160, its logits spread as in a trained one."""
    config = ModelConfig.model_validate(
        {
            "hidden_size": 64,
            "num_layers": 2,
            "num_heads": 2,
            "seq_length": 160,
            "position_encoding": positions,
        }
    )
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator).eval()
    torch.nn.init.normal_(model.lm_head.weight, std=0.3, generator=generator)
    return model


def config_of(seed: int) -> SamplingConfig:
    return SamplingConfig(sampler="nucleus", temperature=1.0, max_chars=40 + 9 * seed)


def alone(backend: object, number: int) -> list[int]:
    chunks = generate(
        Engine(backend),
        PROMPTS[number],
        tokenizer=TOKENIZER,
        config=config_of(number),
        generator=torch.Generator().manual_seed(number),
    )
    return [chunk.id for chunk in chunks]


def beside_others(backend: object, order: Sequence[int], *, max_rows: int) -> dict[int, list[int]]:
    scheduler = Scheduler(Engine(backend), max_rows=max_rows)
    utf8_mask = Utf8Mask(TOKENIZER)
    numbers, said = {}, {number: [] for number in order}
    for number in order:
        sequence = SequenceState(
            PROMPTS[number],
            tokenizer=TOKENIZER,
            config=config_of(number),
            generator=torch.Generator().manual_seed(number),
            utf8_mask=utf8_mask,
        )
        numbers[sequence] = number
        scheduler.add(sequence, PROMPTS[number])
    while not scheduler.is_idle:
        for sequence, chunks, error in scheduler.step():
            assert error is None
            said[numbers[sequence]] += [chunk.id for chunk in chunks]
    return said


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
@settings(max_examples=25)
@given(done=operations)
def test_rows_are_what_each_is_alone_whatever_is_done(
    positions: str, done: list[Operation]
) -> None:
    model = tiny_model(positions)
    replay(model, Engine(onnx_backend(model, is_int8=False)), done)


@pytest.mark.parametrize("head_size", [2, 6, 8, 20, 32])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_heads_may_have_any_size(positions: str, head_size: int) -> None:
    config = ModelConfig.model_validate(
        {
            "hidden_size": 4 * head_size,
            "num_layers": 2,
            "num_heads": 4,
            "seq_length": 16,
            "position_encoding": positions,
        }
    )
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=30, generator=generator).eval()
    engine, text = Engine(onnx_backend(model, is_int8=False)), list(range(7, 18))
    row = engine.admit()
    engine.prefill(row, text[:4])
    logits = [engine.decode([row], [id_]) for id_ in text[4:]]
    with torch.inference_mode():
        expected = model(torch.tensor([text]))[0, 4:]
    torch.testing.assert_close(torch.cat(logits), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_a_text_is_the_same_by_torch_alone_and_beside_others(positions: str) -> None:
    model = talkative(positions)
    backend = onnx_backend(model, is_int8=False)
    expected = {number: alone(model, number) for number in range(len(PROMPTS))}
    assert {number: alone(backend, number) for number in expected} == expected
    assert beside_others(backend, [3, 0, 4, 2, 1], max_rows=3) == expected


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_logits_differ_from_torch_by_a_fifth_at_most_of_what_a_choice_allows(
    positions: str,
) -> None:
    model = talkative(positions)
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(262, 270, (160,), generator=generator).tolist()
    found = []
    for engine in (Engine(model), Engine(onnx_backend(model, is_int8=False))):
        row = engine.admit()
        logits = [engine.prefill(row, text[:60])]
        logits += [engine.decode([row], [id_]) for id_ in text[60:]]
        found.append(torch.cat(logits))
    assert found[0].std() > 1  # as of a trained model
    assert (found[0] - found[1]).abs().max() < ROUNDING / 5


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_in_int8_a_text_is_the_same_alone_beside_others_and_after_others(positions: str) -> None:
    backend = onnx_backend(talkative(positions), is_int8=True)
    expected = {number: alone(backend, number) for number in range(len(PROMPTS))}
    assert beside_others(backend, [2, 1, 0, 4, 3], max_rows=4) == expected
    assert beside_others(backend, [0, 1, 2, 3, 4], max_rows=2) == expected
    engine = Engine(backend)
    row = engine.admit()  # keeps what was read from text to text
    for number in (1, 2, 0, 2, 4, 1):
        chunks = generate(
            engine,
            PROMPTS[number],
            tokenizer=TOKENIZER,
            config=config_of(number),
            generator=torch.Generator().manual_seed(number),
            row=row,
        )
        assert [chunk.id for chunk in chunks] == expected[number]


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_in_int8_logits_are_the_same_to_the_last_bit_however_a_prompt_came_to_be_read(
    positions: str,
) -> None:
    backend = onnx_backend(talkative(positions), is_int8=True)
    generator = torch.Generator().manual_seed(2)
    text = torch.randint(30, 270, (150,), generator=generator).tolist()

    def prefilled(row: Row | None = None, *, engine: Engine | None = None) -> torch.Tensor:
        engine = engine or Engine(backend)
        row = row or engine.admit()
        return torch.stack([engine.prefill(row, text), engine.decode([row], [99])])

    expected = prefilled()
    engine = Engine(backend)
    row = engine.admit()
    engine.prefill(row, [*text[:70], 33])
    engine.truncate(row, 70)
    for id_ in text[70:135]:
        engine.decode([row], [id_])
    assert torch.equal(prefilled(row, engine=engine), expected), "after ids decoded one by one"
    assert torch.equal(prefilled(engine.fork(row), engine=engine), expected), "in a fork"
    shared = engine.admit(text)
    assert len(shared.ids) == 128
    assert torch.equal(prefilled(shared, engine=engine), expected), "shared"
    others = list(engine.rows)
    rows = [engine.admit(), *others]
    engine.forward([(rows[0], text[:128]), *((row, [7]) for row in others)])
    engine.forward([(rows[0], text[128:])])
    beside = engine.decode(rows, [99, 1, 2, 3])[:1]
    assert torch.equal(beside, expected[1]), "beside others"


def test_in_int8_torch_has_the_rounded_weights_too() -> None:
    model = talkative("rotary")
    before = model.lm_head.weight.clone()
    engine, text = Engine(onnx_backend(model, is_int8=True)), PROMPTS[1]
    assert not torch.equal(model.lm_head.weight, before)
    logits = engine.prefill(engine.admit(), text)
    with torch.inference_mode():
        expected = model(torch.tensor([text]))[:, -1]
    assert (logits - expected).abs().max() < 0.05 * expected.std()


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_in_fp32_no_matrix_is_held_a_second_time_for_the_session(positions: str) -> None:
    model = talkative(positions)
    lent = onnx_backend(model, is_int8=False)._lent
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            assert lent[name].ctypes.data == weight.data_ptr()


def test_what_the_session_reads_outlives_the_weights_of_the_model() -> None:
    model = talkative("rotary")
    backend = onnx_backend(model, is_int8=False)
    expected = backend.forward(0, [[262, 263, 264]], [0])
    for weight in model.parameters():
        weight.data = torch.zeros_like(weight)
    assert torch.equal(backend.forward(0, [[262, 263, 264]], [0]), expected)


def test_what_fails_in_a_pass_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("rotary")
    backend = onnx_backend(model, is_int8=False)

    class Failing:
        io_binding = staticmethod(backend._session.io_binding)

        def run_with_iobinding(self, _: object) -> None:
            raise RuntimeError("bad allocation\nat line 7")

    monkeypatch.setattr(backend, "_session", Failing())
    with pytest.raises(LuminaError, match="run this model: bad allocation") as caught:
        backend.forward(0, [[1, 2]], [0])
    assert "line 7" not in caught.value.message
    assert caught.value.hint == "Use: --engine torch --precision fp32"


def test_texts_in_ever_other_places_leave_no_memory_behind() -> None:
    backend = onnx_backend(talkative("rotary"), is_int8=False).empty(MAX_STEPS + 2)
    logits = {
        tuple(backend.forward(slot, [[262]], [0], only_last=True)[0].tolist())
        for slot in range(MAX_STEPS + 2)
    }
    assert len(logits) == 1
    assert len(backend._steps) <= MAX_STEPS  # each holds logits of its rows
