"""Models of which only parts learn."""

import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.peft import apply_peft, merge_lora
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch

VOCAB_SIZE = 300


CONFIG = ModelConfig(hidden_size=32, num_layers=3, num_heads=2, seq_length=16, dropout=0.0)


def plain() -> Transformer:
    generator = torch.Generator().manual_seed(0)
    return build_model(CONFIG, vocab_size=VOCAB_SIZE, generator=generator).train()


def tuned(peft: PeftConfig) -> Transformer:
    return apply_peft(plain(), peft, generator=torch.Generator().manual_seed(1))


def batch(*, low: int = 6) -> Batch:
    ids = torch.randint(low, VOCAB_SIZE, (4, 17), generator=torch.Generator().manual_seed(2))
    numbers = ids.numpy()
    return Batch(numbers[:, :-1], numbers[:, 1:], numbers[:, 1:] > 0)


def trained(peft: PeftConfig, *, optimizer: str = "adamw", steps: int = 3) -> Transformer:
    model = tuned(peft)
    config = TrainingConfig.model_validate(
        {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": 0.1}
    )
    stepper = Stepper(
        model,
        build_optimizers(model, config=config),
        precision=choose_precision("fp32", device=torch.device("cpu")),
        grad_clip=1.0,
        label_smoothing=0.0,
        micro_batch_size=4,
    )
    for _ in range(steps):
        stepper.step(batch(), lr_factor=1.0)
    return model


def changed(peft: PeftConfig, **options: str) -> set[str]:
    """Return the names of the weights that training has changed; `name[new]` for new rows."""
    before, after = plain().state_dict(), merge_lora(trained(peft, **options)).state_dict()
    assert before.keys() == after.keys()
    names = set()
    for name, old in before.items():
        new, rows = after[name], len(old)
        if peft.num_new and name in ("wte.weight", "lm_head.weight"):
            rows -= peft.num_new
            names |= {f"{name}[new]"} if not torch.equal(new[rows:], old[rows:]) else set()
        names |= {name} if not torch.equal(new[:rows], old[:rows]) else set()
    return names


LAYER = {name for name in plain().state_dict() if name.startswith("h.0.")}


def of_layer(names: set[str], number: int) -> set[str]:
    return {name.replace("h.0.", f"h.{number}.") for name in names}
