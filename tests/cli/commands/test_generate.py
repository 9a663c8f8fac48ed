"""`lumina generate`: plain text goes on."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.recipes.infer.engines import is_installed
from lumina_cli.tokenizer.special_ids import Special
from tests.cli.conftest import Lumina


def test_the_text_goes_on_after_the_prompt(lumina: Lumina, letters_model: Path) -> None:
    """Greedily, against reading everything anew for each character."""
    outcome = lumina(
        "generate", "-m", str(letters_model), "--prompt", "hello", "--sampler", "greedy",
        "--max-chars", "30",
    )  # fmt: skip
    file = load_model(letters_model)
    ids = [Special.BEGIN, *file.tokenizer.encode("hello")]
    for _ in range(30):
        with torch.inference_mode():
            ids.append(int(file.model(torch.tensor([ids]))[0, -1].argmax()))
    assert outcome.out == file.tokenizer.decode(ids[6:]) + "\n"
    assert outcome.err == ""


def test_json_is_one_object_with_the_text_and_its_speed(
    lumina: Lumina, letters_model: Path
) -> None:
    outcome = lumina("generate", "-m", str(letters_model), "--max-chars", "25", "--json")
    result = json.loads(outcome.out)
    assert list(result) == [
        *("text", "characters", "seconds", "chars_per_s"),
        *("acceptance", "characters_per_pass"),
    ]
    assert len(result["text"]) == result["characters"] == 25
    assert result["chars_per_s"] > 0


def test_logprobs_are_those_of_the_model(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina(
        "generate", "-m", str(letters_model), "--prompt", "ab", "--max-chars", "20", "--logprobs"
    )
    result = json.loads(outcome.out)
    file = load_model(letters_model)
    ids = [Special.BEGIN, *file.tokenizer.encode("ab" + result["text"])]
    with torch.inference_mode():
        expected = file.model(torch.tensor([ids]))[0].log_softmax(-1)
    assert [item["id"] for item in result["logprobs"]] == ids[3:]
    for place, item in enumerate(result["logprobs"], start=2):
        assert math.isclose(item["logprob"], expected[place, ids[place + 1]].item(), abs_tol=1e-4)


def test_several_samples_differ_and_the_seed_brings_them_back(
    lumina: Lumina, letters_model: Path
) -> None:
    arguments = ["generate", "-m", str(letters_model), "-n", "3", "--seed", "4", "--json"]
    one = json.loads(lumina(*arguments, "--max-chars", "20").out)
    two = json.loads(lumina(*arguments, "--max-chars", "20").out)
    texts = [sample["text"] for sample in one["samples"]]
    assert len(set(texts)) == 3
    assert [sample["text"] for sample in two["samples"]] == texts
    assert one["text"] == texts[0]
    assert one["characters"] == 60


def test_beam_gives_its_best_texts(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina(
        "generate", "-m", str(letters_model), "--sampler", "beam", "--num-samples", "5",
        "--max-chars", "6", "--logprobs",
    )  # fmt: skip
    samples = json.loads(outcome.out)["samples"]
    sums = [sum(item["logprob"] for item in sample["logprobs"]) for sample in samples]
    assert len(sums) == 5
    assert sums == sorted(sums, reverse=True)


def test_a_file_and_stdin_give_the_same_prompt(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbfonce upon\n")
    common = ["generate", "-m", str(letters_model), "--seed", "1", "--max-chars", "30"]
    given = lumina(*common, "--prompt", "once upon").out
    assert lumina(*common, "--prompt-file", str(tmp_path / "p.txt")).out == given
    assert lumina(*common, "once upon").out == given
    assert lumina(*common, "-", stdin="once upon\n").out == given
    assert lumina(*common, "--prompt", "-", stdin="once upon\n").out == given
    assert lumina(*common, "--prompt-file", "-", stdin="once upon\n").out == given


def test_several_texts_are_numbered_on_stderr(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("generate", "-m", str(letters_model), "-n", "2", "--max-chars", "4")
    assert [len(line) for line in outcome.out.splitlines()] == [4, 4]
    assert outcome.err.splitlines() == ["(1 of 2)", "(2 of 2)"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--prompt-file", "none.txt"], 66, "there is no file none.txt"),
        (["--prompt-file", "."], 66, "can't be read"),
        (["--prompt", "a", "--prompt-file", "none.txt"], 2, "can't be given together"),
        (["a", "--prompt", "b"], 2, "can't be given together"),
        (["--num-samples", "0"], 2, "num-samples"),
        (["--model", "none.pth"], 66, "there is no model none.pth"),
        (["--sampler", "beam", "-n", "1000"], 2, "at most 64 texts"),
        (["-n", "999999999"], 2, "must be less than or equal to 10000"),
        (["--sampler", "beam", "--num-beams", "100000"], 2, "num_beams must be at most 64"),
    ],
)
def test_what_is_wrong_is_told(
    lumina: Lumina, letters_model: Path, arguments: list[str], code: int, told: str
) -> None:
    outcome = lumina("generate", "-m", str(letters_model), *arguments)
    assert outcome.code == code
    assert told in outcome.err
    assert outcome.out == ""


def test_a_prompt_file_that_is_not_utf8_is_told(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.txt").write_bytes(b"ab\xff")
    outcome = lumina("generate", "-m", str(letters_model), "--prompt-file", str(tmp_path / "p.txt"))
    assert outcome.code == 65
    assert "is not UTF-8 (byte 3)" in outcome.err


def test_a_prompt_beyond_the_context_is_cut_and_told(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("generate", "-m", str(letters_model), "--prompt", "a" * 96, "--max-chars", "3")
    assert "only the newest part is read" in outcome.err
    assert len(outcome.out) == 4


@pytest.mark.parametrize("sampler", ["top-k", "beam"])
def test_a_text_beyond_the_context_is_told_once(
    lumina: Lumina, letters_model: Path, sampler: str
) -> None:
    common = ["generate", "-m", str(letters_model), "--sampler", sampler, "-n", "2"]
    outcome = lumina(*common, "--max-chars", "250")
    assert [len(line) for line in outcome.out.splitlines()] == [250, 250]
    assert outcome.err.count("it goes on from the later half") == 1
    assert "later half" not in lumina(*common, "--max-chars", "50").err
    assert lumina(*common, "--max-chars", "250", "--quiet").err == ""


def test_a_search_that_is_stopped_prints_the_best_so_far(
    lumina: Lumina, letters_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_reorder, times = KVCache.reorder, iter(range(9))

    def reorder(self: KVCache, sources: Sequence[int], *, length: int) -> None:
        if next(times, None) is None:
            raise KeyboardInterrupt
        whole_reorder(self, sources, length=length)

    monkeypatch.setattr(KVCache, "reorder", reorder)
    outcome = lumina("generate", "-m", str(letters_model), "--sampler", "beam")
    assert outcome.code == 130
    assert len(outcome.out) == 11


@pytest.mark.skipif(not is_installed(), reason="needs the extra [fast]")
def test_int8_says_something_and_is_told_apart(lumina: Lumina, letters_model: Path) -> None:
    options = ("-m", str(letters_model), "--max-chars", "25", "--seed", "1", "--json")
    result = json.loads(lumina("generate", *options, "--precision", "int8").out)
    assert len(result["text"]) == 25
    assert result["acceptance"] is None  # there nothing is guessed in advance


@pytest.mark.skipif(not is_installed(), reason="needs the extra [fast]")
def test_either_engine_says_the_same(lumina: Lumina, letters_model: Path) -> None:
    options = ("-m", str(letters_model), "--max-chars", "120", "--seed", "1", "-n", "3")
    one, other = (lumina("generate", *options, "--engine", name) for name in ("torch", "onnx"))
    assert one.out == other.out
    assert other.err == one.err


def test_the_text_is_the_same_without_guesses(lumina: Lumina, letters_model: Path) -> None:
    options = ("-m", str(letters_model), "--max-chars", "200", "--seed", "1", "--json")
    one = json.loads(lumina("generate", *options).out)
    other = json.loads(lumina("generate", *options, "--speculate", "off").out)
    assert one["text"] == other["text"]
    assert one["acceptance"] is not None
    assert other["acceptance"] is None


def test_reference_kernels_generate_the_same_text(lumina: Lumina, letters_model: Path) -> None:
    options = ("-m", str(letters_model), "--max-chars", "120", "--seed", "1")
    fast = lumina("generate", *options)
    assert lumina("generate", *options, "--kernels", "reference").out == fast.out
