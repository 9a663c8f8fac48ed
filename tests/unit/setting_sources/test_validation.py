"""What is said of a setting that is wrong."""

from typing import Any

import pytest

from tests.unit.setting_sources.resolving import wrong


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"environ": {"LUMINA_BATCH_SIZE": "0"}},
            "batch_size must be at least 1 (from LUMINA_BATCH_SIZE)",
        ),
        ({"flags": {"batch_size": "0"}}, "batch_size must be at least 1 (from --batch-size)"),
        ({"toml": "batch_size = 0"}, "batch_size must be at least 1 (from mine.toml)"),
        ({"flags": {"dropout": "1"}}, "dropout must be less than 1 (from --dropout)"),
        ({"flags": {"grad_clip": "0"}}, "grad_clip must be more than 0 (from --grad-clip)"),
        (
            {"flags": {"val_fraction": "0.9"}},
            "val_fraction must be at most 0.5 (from --val-fraction)",
        ),
        (
            {"flags": {"epochs": "many"}},
            "epochs must be a whole number, not 'many' (from --epochs)",
        ),
        ({"flags": {"epochs": "1.5"}}, "epochs must be a whole number, not '1.5' (from --epochs)"),
        ({"toml": "epochs = 1.5"}, "epochs must be a whole number, not '1.5' (from mine.toml)"),
        ({"toml": "epochs = true"}, "epochs must be a whole number, not 'true' (from mine.toml)"),
        ({"flags": {"epochs": ""}}, "epochs must be a whole number, not '' (from --epochs)"),
        (
            {"flags": {"micro_batch_size": "foo"}},
            "micro_batch_size must be a whole number or 'auto', not 'foo' "
            "(from --micro-batch-size)",
        ),
        ({"flags": {"seed": "-1"}}, "seed must be at least 0 (from --seed)"),
        (
            {"flags": {"learning_rate": "nan"}},
            "learning_rate must be a number, not 'nan' (from --learning-rate)",
        ),
        (
            {"flags": {"learning_rate": "high"}},
            "learning_rate must be a number, not 'high' (from --learning-rate)",
        ),
        (
            {"toml": "learning_rate = true"},
            "learning_rate must be a number, not 'true' (from mine.toml)",
        ),
        (
            {"flags": {"device": "gpu"}},
            "device must be 'auto', 'cpu', 'cuda' or 'mps', not 'gpu' (from --device)",
        ),
        (
            {"flags": {"hidden_size": "100", "num_heads": "7"}},
            "hidden_size 100 can't be divided by num_heads 7 "
            "(hidden_size from --hidden-size, num_heads from --num-heads)",
        ),
        (
            {"environ": {"LUMINA_NHEAD": "7"}},
            "hidden_size 512 can't be divided by num_heads 7 (num_heads from LUMINA_NHEAD)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_with_where_it_came_from(given: dict[str, Any], says: str) -> None:
    assert wrong(**given).message == says


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"flags": {"minutes": "1h"}}, "Did you mean: --minutes 60"),
        ({"flags": {"dropout": "10%"}}, "Did you mean: --dropout 0.1"),
        ({"flags": {"max_steps": "1e3"}}, "Did you mean: --max-steps 1000"),
        ({"environ": {"LUMINA_MAX_STEPS": "1,000"}}, "Did you mean 1000?"),
        ({"flags": {"max_steps": "many"}}, ""),
    ],
    ids=str,
)
def test_a_number_as_people_write_it_is_refused_with_what_it_means(
    given: dict[str, Any], hint: str
) -> None:
    assert wrong(**given).hint == hint


def test_an_unknown_key_of_a_file_is_refused_with_a_guess() -> None:
    error = wrong(toml="batchsize = 4\n")
    assert error.message == "'batchsize' in mine.toml is not a setting"
    assert error.hint == "Did you mean 'batch_size'?"


def test_an_unknown_key_that_is_like_nothing_is_refused_with_where_to_look() -> None:
    assert "--help" in wrong(toml="zzz = 4\n").hint


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "[0x" + "f" * 5_000 + "]"])
@pytest.mark.parametrize("name", ["batch_size", "learning_rate", "oasst_lang", "preset", "stop"])
def test_a_number_of_thousands_of_digits_is_no_setting(name: str, number: str) -> None:
    assert "mine.toml is not valid TOML" in wrong(toml=f"{name} = {number}").message
