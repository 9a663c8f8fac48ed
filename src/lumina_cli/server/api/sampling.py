"""How a request asks ids to be chosen: its fields over the model's own settings."""

from typing import Any

import numpy as np
from pydantic import ValidationError

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import SamplingFields

MAX_CHARS = 1_000_000
"""Of a text that is bounded in tokens."""

FILTERS = {"top_k": "top-k", "top_p": "nucleus", "min_p": "min-p"}
"""By field, the sampler that it belongs to."""


def sampling_of(
    request: SamplingFields, defaults: SamplingConfig, *, max_ids: int | None
) -> tuple[SamplingConfig, list[str]]:
    """Return how ids are chosen, and what there is to tell.

    Args:
        request: what it does not say is taken from the defaults.
        defaults: the model's own settings.
        max_ids: bound of the text in ids; without one `max_chars` of the defaults holds.

    Raises:
        ApiError: two filters are asked for, or a value can't be meant.
    """
    values: dict[str, Any] = {
        name: value
        for name in ("temperature", "repetition_penalty", "stop")
        if (value := getattr(request, name)) is not None
    }
    values |= _filter_values(request, defaults)
    if max_ids is not None:
        values["max_chars"] = MAX_CHARS
    try:
        config = SamplingConfig.model_validate({**defaults.model_dump(), **values})
    except ValidationError as error:
        raise _explained(error) from None
    return config, _notices(request, config)


def bias_of(request: SamplingFields, *, vocab_size: int) -> Logits | None:
    """Return what to add to the logits, (V,); None without a bias.

    Raises:
        ApiError: an id is none of the model's.
    """
    if not request.logit_bias:
        return None
    bias = np.zeros(vocab_size, dtype=np.float32)
    for name, value in request.logit_bias.items():
        if int(name) >= vocab_size:
            raise ApiError(
                f"logit_bias: the model has no id {name}, only 0 to {vocab_size - 1}.",
                param="logit_bias",
                code="invalid_value",
            )
        bias[int(name)] = value
    return bias


def _filter_values(request: SamplingFields, defaults: SamplingConfig) -> dict[str, Any]:
    """Return the sampler of a request and its number."""
    given = {name: getattr(request, name) for name in FILTERS}
    given = {name: value for name, value in given.items() if value is not None}
    used = [name for name, value in given.items() if not _is_off(name, value)]
    if len(used) > 1:
        raise ApiError(
            f"{' and '.join(used)} can't be used together: one filter narrows the choice. "
            f"Leave out all but one.",
            param=used[1],
            code="unsupported_parameter",
        )
    if used:
        return {"sampler": FILTERS[used[0]], used[0]: given[used[0]]}
    if given:
        return {"sampler": "nucleus", "top_p": 1.0}
    is_warm = request.temperature is not None and request.temperature > 0
    return {"sampler": "nucleus"} if is_warm and defaults.sampler == "greedy" else {}


def _is_off(name: str, value: float) -> bool:
    return value >= 1 if name == "top_p" else value <= 0


def _notices(request: SamplingFields, config: SamplingConfig) -> list[str]:
    if not config.is_greedy:
        return []
    unused = [name for name in FILTERS if getattr(request, name) is not None]
    notices = [f"{name} has no effect at temperature 0" for name in unused]
    if request.n is not None and request.n > 1:
        notices.append("at temperature 0 all texts are the same")
    return notices


def _explained(error: ValidationError) -> ApiError:
    details = error.errors(include_url=False)[0]
    name = str(details["loc"][0]) if details["loc"] else None
    what = details.get("ctx", {}).get("error", details["msg"])
    return ApiError(f"{what}.", param=name, code="invalid_value")
