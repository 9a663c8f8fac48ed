"""New characters: old rows to the bit, new rows from what the model knows."""

import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.resize import OLD_TEXT_ODDS, expect_as_frequent, resize_embeddings
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER

KNOWN = CharacterTokenizer("abcdeABéи ,")


def base(
    *, position_encoding: str = "sinusoidal", tokenizer: CharacterTokenizer = KNOWN
) -> Transformer:
    config = ModelConfig.model_validate(
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 2,
            "seq_length": 24,
            "position_encoding": position_encoding,
        }
    )
    generator = torch.Generator().manual_seed(3)
    return build_model(config, vocab_size=tokenizer.vocab_size, generator=generator).eval()


def grown_by(characters: str, *, model: Transformer | None = None, seed: int = 0) -> Transformer:
    generator = torch.Generator().manual_seed(seed)
    return resize_embeddings(model or base(), characters, tokenizer=KNOWN, generator=generator)


def some_ids(model: Transformer) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, model.vocab_size, (5, 20), generator=generator)


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
@pytest.mark.parametrize("number", [1, 7, 300])
def test_old_characters_have_the_same_logits_to_the_bit(
    position_encoding: str, number: int
) -> None:
    model = base(position_encoding=position_encoding)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grown = grown_by("".join(map(chr, range(0x3042, 0x3042 + number))), model=model)
    idx = some_ids(model)
    with torch.inference_mode():
        assert torch.equal(grown(idx)[..., : model.vocab_size], model(idx))
        one = idx[:1, :1]  # BLAS rounds a single position of the last rows in its own way
        assert torch.allclose(grown(one)[..., : model.vocab_size], model(one), atol=1e-6)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(grown.state_dict()[name][: len(tensor)], tensor)
    assert grown.vocab_size == model.vocab_size + number


def test_to_expect_them_as_often_as_they_stand_leaves_old_rows_as_they_are() -> None:
    model = base()
    grown = grown_by("дж", model=model)
    idx = some_ids(model)
    before = grown(idx)
    expect_as_frequent(grown, [30, 10, 60], idx=idx)
    assert torch.equal(grown(idx)[..., :-2], before[..., :-2])
    odds = mean_odds(grown, idx, num_new=2)
    assert odds.tolist() == pytest.approx([30 / 60, 10 / 60], rel=1e-3)


def test_in_old_text_they_are_hardly_ever_expected() -> None:
    model = base()
    grown = grown_by("дж", model=model)
    new, old = some_ids(model), some_ids(model).flip(0) // 2
    expect_as_frequent(grown, [30, 10, 60], idx=new, old_idx=old)
    assert mean_odds(grown, new, num_new=2).tolist() == pytest.approx([1 / 2, 1 / 6], rel=0.1)
    assert mean_odds(grown, old, num_new=2).sum().item() <= 1.2 * OLD_TEXT_ODDS


def mean_odds(grown: Transformer, idx: Tensor, *, num_new: int) -> Tensor:
    """Return the mean over positions of each new id's odds against all old ones."""
    logits = grown(idx).flatten(0, 1)
    old = torch.logsumexp(logits[:, :-num_new], dim=-1, keepdim=True)
    return (logits[:, -num_new:] - old).exp().mean(dim=0)


def test_text_of_new_characters_alone_does_not_make_the_old_impossible() -> None:
    grown = grown_by("дж")
    expect_as_frequent(grown, [500, 500, 0], idx=some_ids(base()))
    assert torch.isfinite(grown.lm_head.weight).all()


def row(model: Transformer, character: str, *, name: str = "wte.weight") -> Tensor:
    return model.state_dict()[name][FIRST_CHARACTER + KNOWN.characters.index(character)]


def nearness(one: torch.Tensor, other: torch.Tensor) -> float:
    return torch.cosine_similarity(one.detach(), other.detach(), dim=0).item()


@pytest.mark.parametrize(
    ("character", "kin"), [("C", "c"), ("á", "a"), ("É", "é"), ("ａ", "a"), ("И", "и")]
)
def test_a_new_letter_begins_as_its_nearest_kin(character: str, kin: str) -> None:
    model = base()
    for name in ("wte.weight", "lm_head.weight"):
        new = grown_by(character, model=model).state_dict()[name][-1]
        others = [nearness(new, row(model, other, name=name)) for other in "dB ,"]
        assert nearness(new, row(model, kin, name=name)) > max(*others, 0.5)


def test_a_letter_of_an_unknown_script_is_near_its_bytes() -> None:
    model = base()
    near, far = [], []
    for seed in range(20):
        new = grown_by("あ", model=model, seed=seed).wte.weight[-1]
        own = [FIRST_BYTE + byte for byte in "あ".encode()]
        near += [nearness(new, model.wte.weight[id_]) for id_ in own]
        far += [nearness(new, model.wte.weight[FIRST_BYTE + byte]) for byte in (1, 2, 3)]
    assert sum(near) / len(near) > sum(far) / len(far) + 0.1


def test_new_rows_are_as_wide_spread_as_the_old_ones() -> None:
    model = base()
    new = grown_by("".join(map(chr, range(0x4E00, 0x4E00 + 200))), model=model)
    for name in ("wte.weight", "lm_head.weight"):
        rows = new.state_dict()[name]
        old_spread = rows[FIRST_CHARACTER : FIRST_CHARACTER + 11].std()
        assert rows[-200:].std() == pytest.approx(old_spread, rel=0.25)
        assert len(torch.unique(rows[-200:], dim=0)) == 200


def test_the_same_seed_gives_the_same_rows() -> None:
    model = base()
    rows = [grown_by("日本", model=model, seed=seed).wte.weight[-2:] for seed in (4, 4, 5)]
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_a_model_without_characters_of_its_own_can_grow() -> None:
    empty = CharacterTokenizer("")
    model = base(tokenizer=empty)
    grown = resize_embeddings(
        model, "ab", tokenizer=empty, generator=torch.Generator().manual_seed(0)
    )
    assert grown.vocab_size == FIRST_CHARACTER + 2
    assert torch.isfinite(grown.wte.weight).all()
