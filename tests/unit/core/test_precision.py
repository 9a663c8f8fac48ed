"""The choice of a number format."""

import pytest
import torch

from lumina_cli.core.config import PrecisionName
from lumina_cli.core.precision import choose_precision
from lumina_cli.errors import UsageError

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


def cpu_with(monkeypatch: pytest.MonkeyPatch, **features: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)


def gpu_of(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int]) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_bf16"])
def test_auto_takes_bf16_on_a_cpu_that_computes_it(
    monkeypatch: pytest.MonkeyPatch, feature: str
) -> None:
    cpu_with(monkeypatch, **{feature: True})
    assert choose_precision("auto", device=CPU).name == "bf16"


def test_auto_takes_fp32_on_a_cpu_that_would_have_to_emulate_bf16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu_with(monkeypatch, avx512_bf16=False, amx_bf16=False)
    chosen = choose_precision("auto", device=CPU)
    assert (chosen.name, chosen.why) == ("fp32", "the CPU has no native bf16")


def test_auto_takes_fp32_where_torch_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", device=CPU).name == "fp32"


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")]
)
def test_auto_takes_bf16_on_gpus_from_ampere_on_and_fp16_before(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    gpu_of(monkeypatch, capability)
    assert choose_precision("auto", device=CUDA).name == expected


def test_bf16_that_is_asked_for_is_given_with_a_word_of_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu_with(monkeypatch)
    chosen = choose_precision("bf16", device=CPU)
    assert (chosen.name, chosen.why) == ("bf16", "as asked, though the CPU has no native bf16")


def test_fp32_that_is_asked_for_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_with(monkeypatch, amx_bf16=True)
    chosen = choose_precision("fp32", device=CPU)
    assert (chosen.name, chosen.why) == ("fp32", "as asked")


def test_bf16_is_refused_where_it_does_not_work() -> None:
    with pytest.raises(UsageError, match="not supported on mps"):
        choose_precision("bf16", device=MPS)
    assert choose_precision("auto", device=MPS).name == "fp32"


def test_fp16_is_refused_on_a_cpu_that_would_emulate_it() -> None:
    with pytest.raises(UsageError, match="emulates") as caught:
        choose_precision("fp16", device=CPU)
    assert caught.value.hint == "Use: --precision auto"


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_matrix_products_are_in_the_chosen_format(name: PrecisionName, dtype: torch.dtype) -> None:
    a = torch.ones(2, 2)
    with choose_precision(name, device=CPU).autocast():
        assert (a @ a).dtype == dtype


def test_int8_is_not_for_training() -> None:
    with pytest.raises(UsageError, match="int8 is for chat, generate and eval") as caught:
        choose_precision("int8", device=torch.device("cpu"))
    assert "lumina chat --precision int8" in (caught.value.hint or "")
