"""Quality on held-out text, by an independent computation."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.training.validation.evaluate import Evaluation, evaluate
from lumina_cli.data.batches import Batch, validation_batches
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_documents
from tests.unit.core.training.conftest import FP32

TOKENIZER = CharacterTokenizer(" abcdefghij")


def model_of(tokenizer: CharacterTokenizer, *, dropout: float = 0.5) -> Transformer:
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=8, dropout=dropout)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.eval()


def encode(document: Conversation | PlainText, *, tokenizer: CharacterTokenizer) -> TokenDataset:
    ids, in_loss = encode_documents([document], tokenizer=tokenizer, loss_on="bot")
    pairs = (ids * 2 + in_loss).astype(np.int32)
    return TokenDataset(np.arange(len(ids), dtype="<u4"), pairs, tokenizer)


def measure(model: Transformer, text: TokenDataset, *, batch_size: int = 3) -> Evaluation:
    batches = validation_batches(text, seq_length=8, batch_size=batch_size)
    return evaluate(model, batches, tokenizer=text.tokenizer, precision=FP32)


def log_probs_one_by_one(model: Transformer, ids: list[int]) -> list[Tensor]:
    """Return the log-probabilities at each id but the first, a window of 8 at a time."""
    logs = []
    for start in range(0, len(ids) - 1, 8):
        for end in range(start, min(start + 8, len(ids) - 1)):
            with torch.no_grad():
                logits = model(torch.tensor([ids[start : end + 1]]))[0, -1].double()
            logs.append(logits - logits.exp().sum().log())
    return logs


def test_nats_are_summed_over_what_is_said_and_divided_by_its_characters() -> None:
    talk = Conversation((Message("user", "abc"), Message("bot", "fade a bee éé 🙂")))
    model, text = model_of(TOKENIZER), encode(talk, tokenizer=TOKENIZER)
    ids = text.slice(0, len(text)).ids.tolist()
    reply_begins = ids.index(4) + 1
    nats, num_right, num_ids = 0.0, 0, 0
    for index, log_probs in enumerate(log_probs_one_by_one(model, ids), start=1):
        if index >= reply_begins and ids[index] >= 6:
            nats -= log_probs[ids[index]].item()
            num_right += int(log_probs.argmax().item() == ids[index])
            num_ids += 1
    result = measure(model, text)
    assert result.characters == len("fade a bee éé 🙂") == 15
    assert num_ids == 15 + 2 + 3  # two characters of two bytes, one of four
    assert result.nats_per_char == pytest.approx(nats / 15, rel=1e-5)
    assert result.accuracy == pytest.approx(num_right / num_ids)


def test_bits_are_nats_over_ln_2() -> None:
    assert Evaluation(math.log(2), 0.5, 10).bits_per_char == pytest.approx(1.0)


def test_a_blind_model_costs_ln_v_an_id_however_it_is_spelled() -> None:
    model = model_of(TOKENIZER)
    torch.nn.init.zeros_(model.lm_head.weight)
    known = measure(model, encode(PlainText("abcd"), tokenizer=TOKENIZER))
    spelled = measure(model, encode(PlainText("éèêë"), tokenizer=TOKENIZER))
    assert known.characters == spelled.characters == 4
    assert known.nats_per_char == pytest.approx(math.log(TOKENIZER.vocab_size))
    assert spelled.nats_per_char == pytest.approx(2 * math.log(TOKENIZER.vocab_size))


def test_the_ends_of_replies_are_not_measured() -> None:
    talk = Conversation((Message("bot", ""), Message("bot", "")))
    result = measure(model_of(TOKENIZER), encode(talk, tokenizer=TOKENIZER))
    assert result.characters == 0


def test_without_text_the_figures_are_nan() -> None:
    result = evaluate(model_of(TOKENIZER), [], tokenizer=TOKENIZER, precision=FP32)
    assert result.characters == 0
    assert math.isnan(result.nats_per_char)
    assert math.isnan(result.accuracy)


def test_the_size_of_the_batches_does_not_matter() -> None:
    text = encode(PlainText("a bad face hid a cab " * 5), tokenizer=TOKENIZER)
    one, many = (measure(model_of(TOKENIZER), text, batch_size=size) for size in (1, 99))
    assert one.nats_per_char == pytest.approx(many.nats_per_char, rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_model_is_left_in_its_mode(training: bool) -> None:
    text = encode(PlainText("a bad face"), tokenizer=TOKENIZER)
    model = model_of(TOKENIZER).train(training)
    assert measure(model, text) == measure(model_of(TOKENIZER, dropout=0.0), text)
    assert model.training == training


def test_a_failure_too_leaves_the_model_in_its_mode() -> None:
    def batches() -> Iterator[Batch]:
        raise MemoryError
        yield

    model = model_of(TOKENIZER).train()
    with pytest.raises(MemoryError):
        evaluate(model, batches(), tokenizer=TOKENIZER, precision=FP32)
    assert model.training
