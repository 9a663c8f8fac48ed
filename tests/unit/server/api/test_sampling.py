"""What a request asks for, over the model's own settings."""

from typing import Any

import pytest

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import CompletionRequest
from lumina_cli.server.api.sampling import bias_of, sampling_of

GREEDY = SamplingConfig(sampler="greedy", max_chars=50)
WARM = SamplingConfig(sampler="min-p", min_p=0.2, temperature=0.7, stop=("x",))


def sampled(defaults: SamplingConfig, **fields: Any) -> dict[str, Any]:
    """What differs from the defaults."""
    request = CompletionRequest.model_validate(fields)
    config, _ = sampling_of(request, defaults, max_ids=None)
    values, before = config.model_dump(), defaults.model_dump()
    return {name: value for name, value in values.items() if value != before[name]}


@pytest.mark.parametrize(
    ("defaults", "fields", "changes"),
    [
        (GREEDY, {}, {}),
        (WARM, {}, {}),
        (GREEDY, {"temperature": 0.9}, {"sampler": "nucleus", "temperature": 0.9}),
        (GREEDY, {"temperature": 0.8}, {"sampler": "nucleus"}),
        (GREEDY, {"temperature": 0}, {"temperature": 0.0}),
        (GREEDY, {"top_k": 3}, {"sampler": "top-k", "top_k": 3}),
        (GREEDY, {"top_p": 0.5}, {"sampler": "nucleus", "top_p": 0.5}),
        (GREEDY, {"min_p": 0.1, "top_p": 1}, {"sampler": "min-p", "min_p": 0.1}),
        (WARM, {"temperature": 1}, {"temperature": 1.0}),
        (WARM, {"top_p": 1}, {"sampler": "nucleus", "top_p": 1.0}),
        (WARM, {"min_p": 0}, {"sampler": "nucleus", "top_p": 1.0}),
        (WARM, {"top_k": -1, "top_p": 0.5}, {"sampler": "nucleus", "top_p": 0.5}),
        (WARM, {"stop": "ab"}, {"stop": ("ab",)}),
        (WARM, {"stop": []}, {"stop": ()}),
        (WARM, {"repetition_penalty": 1.2}, {"repetition_penalty": 1.2}),
    ],
)
def test_a_field_changes_what_it_names_and_no_more(
    defaults: SamplingConfig, fields: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert sampled(defaults, **fields) == changes


def test_a_bound_in_tokens_takes_the_place_of_the_one_in_characters() -> None:
    request = CompletionRequest(max_tokens=7)
    assert sampling_of(request, GREEDY, max_ids=7)[0].max_chars >= 7 * 64
    assert sampling_of(request, GREEDY, max_ids=None)[0].max_chars == 50


def test_two_filters_together_are_refused() -> None:
    request = CompletionRequest(top_k=3, min_p=0.1)
    with pytest.raises(ApiError, match="top_k and min_p can't be used together"):
        sampling_of(request, WARM, max_ids=None)


def test_a_bias_lies_at_the_ids_that_it_names() -> None:
    bias = bias_of(CompletionRequest(logit_bias={"3": -100, "1": 2.5}), vocab_size=5)
    assert bias is not None
    assert bias.tolist() == [0, 2.5, 0, -100, 0]
    assert bias_of(CompletionRequest(logit_bias={}), vocab_size=5) is None
    with pytest.raises(ApiError, match="no id 5, only 0 to 4"):
        bias_of(CompletionRequest(logit_bias={"5": 1}), vocab_size=5)
