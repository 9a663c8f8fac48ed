"""What `info` and `doctor` tell a person."""

from typing import Any

import pytest

from lumina_cli.cli.views.facts import group_lines, machine_groups, model_groups

FACTS: dict[str, Any] = {
    "model": "Model.pth",
    "parameters": 242_688,
    "shape": {
        "hidden_size": 64,
        "num_layers": 4,
        "num_heads": 2,
        "seq_length": 128,
        "position_encoding": "rotary",
    },
    "vocabulary": {"ids": 333, "characters": 71},
    "training": {
        "created": "2026-11-28T16:02:47+00:00",
        "lumina_version": "0.1.0",
        "trained_on": [f"{number}.txt" for number in range(8)],
        "train_chars": 1_776_398,
        "conversations": 1,
        "steps": 3000,
        "loss_on": "bot",
        "optimizer": "muon",
        "seed": 0,
        "sampling": {"sampler": "greedy"},
        "val_nats_per_char": 0.6931471805599453,
        "val_accuracy": 0.97,
    },
    "digest": "c49c",
}


def test_a_model_is_told_in_groups_with_units() -> None:
    assert list(group_lines(model_groups(FACTS))) == [
        "Model",
        "  size         242,688 parameters",
        "  shape        4 layers, 64 wide, 2 heads",
        "  context      128 characters, rotary positions",
        "  vocabulary   333 ids, 71 of them characters",
        "",
        "Training",
        "  learnt from  0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 3 more "
        "(1,776,398 characters, 1 conversation)",
        "  run          3,000 steps, optimizer muon, seed 0, loss on what the bot says",
        "  made         2026-11-28 16:02 by lumina 0.1.0",
        "  validation   0.6931 nats a character, 1.0000 bits, 97.0% of the characters right",
        "",
        "File",
        "  sampler      greedy",
        "  digest       c49c",
    ]


def test_of_plain_texts_no_bot_says_anything() -> None:
    training = {**FACTS["training"], "conversations": 0}
    lines = group_lines(model_groups({**FACTS, "training": training}))
    assert "  run          3,000 steps, optimizer muon, seed 0" in lines


def test_a_piece_is_right_as_a_whole() -> None:
    lines = list(group_lines(model_groups({**FACTS, "pieces": ["he"]})))
    told = "  validation   0.6931 nats a character, 1.0000 bits, 97.0% of the tokens right"
    assert told in lines


@pytest.mark.parametrize(
    "training",
    [
        None,
        {},
        [],
        {"trained_on": "a text", "steps": "many", "sampling": 3, "val_nats_per_char": "low"},
        {"trained_on": [None, {}], "created": 7, "val_nats_per_char": float("nan"), "seed": {}},
    ],
)
def test_what_a_file_from_elsewhere_says_of_its_training_may_be_anything(training: object) -> None:
    lines = list(group_lines(model_groups({**FACTS, "training": training})))
    assert lines[-1] == "  digest       c49c"
    assert not [line for line in lines if "nan" in line]


def test_a_machine_is_told_by_what_training_would_use() -> None:
    facts = {
        "device": "cpu (2 threads)",
        "devices": ["cpu"],
        "precision": "bf16",
        "precision_why": "the CPU has AVX512_BF16",
        "threads": 2,
        "python": "3.11.7",
        "system": "Linux x86_64",
        "versions": {"torch": "2.13.0", "rich": None},
        "cache": "/cache",
        "missing": [],
    }
    lines = list(group_lines(machine_groups(facts)))
    assert lines[:3] == [
        "What training would use",
        "  device     cpu (2 threads)",
        "  precision  bf16 (the CPU has AVX512_BF16)",
    ]
    assert "  rich       not installed" in lines
    assert lines[-1] == "  missing    nothing"
