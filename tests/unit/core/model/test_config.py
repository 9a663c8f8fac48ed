"""The bounds of the model's shape."""

from typing import Any

import pytest
from pydantic import ValidationError

from lumina_cli.core.model.config import ModelConfig


def test_the_defaults_are_a_model_of_512_by_6() -> None:
    config = ModelConfig()
    assert (config.hidden_size, config.num_layers, config.num_heads) == (512, 6, 8)
    assert (config.seq_length, config.dropout) == (512, 0.1)
    assert (config.feedforward_size, config.head_size) == (2048, 64)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hidden_size": 512, "num_heads": 7}, "hidden_size 512 can't be divided by num_heads 7"),
        ({"hidden_size": 9, "num_heads": 3}, "hidden_size must be even, not 9"),
        (
            {"hidden_size": 12, "num_heads": 4, "position_encoding": "rotary"},
            "heads of even size, not 3",
        ),
        ({"hidden_size": 0}, "greater than or equal to 8"),
        ({"num_layers": 0}, "greater than or equal to 1"),
        ({"seq_length": 4}, "greater than or equal to 8"),
        ({"dropout": 1.0}, "less than 1"),
        ({"dropout": float("nan")}, "finite"),
        ({"num_layer": 4}, "Extra inputs"),
    ],
    ids=str,
)
def test_an_impossible_shape_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ModelConfig.model_validate(values)
