"""Whether what a model knows of a new character helps: its rows against random ones.

    python benchmarks/new_rows.py Model.pth TEXT… [--steps 50]

For each text the frequent characters that the model lacks get ids, once with the rows that
`lumina finetune` gives them and once with rows as a fresh model has them. Both learn the
same batches; printed is the loss on the text's validation part, in nats per character.
"""

import argparse
import math
from pathlib import Path

import torch

from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.model.resize import resize_embeddings
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.core.training.validation.evaluate import evaluate
from lumina_cli.data.batches import EpochBatches, validation_batches
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.recipes.data.sources import encode_source, open_source
from lumina_cli.recipes.finetune.base import base_of
from lumina_cli.recipes.finetune.new_characters import add_new_characters
from lumina_cli.recipes.finetune.replay import ReplayData, find_replay_data

CONFIG = TrainingConfig(learning_rate=1e-3, label_smoothing=0.0)
WARMUP_STEPS = 5
FP32 = choose_precision("fp32", device=torch.device("cpu"))


def main() -> None:
    """Print the losses before, and after some steps, for each text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    base = load_model(given.model)
    old = find_replay_data(
        base_of(given.model, base),
        config=FinetuneConfig(),
        data=DataConfig(),
        tokenizer=base.tokenizer,
    )
    for path in given.texts:
        source = open_source([path], config=DataConfig())
        corpus = encode_source(
            source, config=DataConfig(), seed=0, tokenizer=base.tokenizer, max_new_chars=4_000
        )
        added = corpus.tokenizer.added_characters(base.tokenizer.vocab_size)
        for name, model in (
            ("known", known_rows(base, corpus, old)),
            ("random", random_rows(base, added)),
        ):
            before, after = nats(model, corpus), trained(model, corpus, steps=given.steps)
            print(f"{path.name}: {len(added)} characters, {name} rows: {before:.3f} → {after:.3f}")


def known_rows(base: ModelFile, corpus: Corpus, old: ReplayData) -> Transformer:
    return add_new_characters(base, corpus=corpus, old=old.train, config=base.model.config, seed=0)


def random_rows(base: ModelFile, added: str) -> Transformer:
    generator = torch.Generator().manual_seed(0)
    model = resize_embeddings(base.model, added, tokenizer=base.tokenizer, generator=generator)
    width = base.model.config.hidden_size
    with torch.no_grad():
        for weight, spread in (
            (model.wte.weight, 1 / math.sqrt(width)),
            (model.lm_head.weight, 0.02),
        ):
            weight[-len(added) :] = torch.randn(len(added), width, generator=generator) * spread
    return model


def trained(model: Transformer, corpus: Corpus, *, steps: int) -> float:
    stepper = Stepper(
        model.train(),
        build_optimizers(model, config=CONFIG),
        precision=FP32,
        grad_clip=CONFIG.grad_clip,
        label_smoothing=0.0,
        micro_batch_size=CONFIG.batch_size,
    )
    done = epoch = 0
    while done < steps:
        batches = EpochBatches(
            corpus.train,
            seq_length=model.config.seq_length,
            batch_size=CONFIG.batch_size,
            seed=0,
            epoch=epoch,
        )
        for index in range(min(len(batches), steps - done)):
            stepper.step(batches[index], lr_factor=min(1.0, (done + 1) / WARMUP_STEPS))
            done += 1
        epoch += 1
    return nats(model, corpus)


def nats(model: Transformer, corpus: Corpus) -> float:
    batches = validation_batches(
        corpus.validation, seq_length=model.config.seq_length, batch_size=CONFIG.batch_size
    )
    return evaluate(model, batches, tokenizer=corpus.tokenizer, precision=FP32).nats_per_char


if __name__ == "__main__":
    main()
