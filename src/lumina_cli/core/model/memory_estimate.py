"""How large a model is and how much memory training it takes, from its shape alone.

B batch, T time, C hidden size, H heads, V vocabulary, L layers.
"""

from dataclasses import dataclass

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig

BYTES = 4
"""Weights, gradients, optimizer and activations in fp32."""

FRAGMENTATION = 1.05
"""Memory for pieces that come and go, by their sum: there are gaps that none fits into."""

BLOCK_WORKSPACE_BYTES = 15_000_000
"""What a thread computes attention in where it goes block by block: in bf16 on a CPU."""

WORKSPACE_BYTES = 4_000_000
"""What torch's own operations need for a moment, in fp32."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Peak memory of a run by part, in bytes.

    The `cache` holds keys and values while a sample is drawn, between two steps: then no
    activations are kept.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    cache: int = 0

    @property
    def total(self) -> int:
        lasting = self.weights + self.gradients + self.optimizer
        return lasting + max(self.activations, self.cache)


def num_parameters(config: ModelConfig, *, vocab_size: int) -> int:
    """Return the number of weights: L layers of 12·C² + 13·C, two embeddings, the last norm."""
    C = config.hidden_size
    return config.num_layers * _num_in_layer(config) + 2 * vocab_size * C + 2 * C


def num_trainable(config: ModelConfig, *, vocab_size: int, peft: PeftConfig) -> int:
    """Return the number of weights that learn, those of adapters among them."""
    C, new = config.hidden_size, peft.num_new
    learning = max(config.num_layers - peft.frozen_layers, 0)
    if peft.lora_rank:  # four maps: C to 3·C, C to C, C to 4·C, and 4·C to C
        return learning * 16 * C * peft.lora_rank + 2 * new * C
    embedding = new if peft.freezes_embedding else vocab_size
    return learning * _num_in_layer(config) + (embedding + vocab_size) * C + 2 * C


def _num_in_layer(config: ModelConfig) -> int:
    C, F = config.hidden_size, config.feedforward_size
    attention = 3 * C * C + 3 * C + C * C + C
    feed_forward = C * F + F + F * C + C
    return attention + feed_forward + 4 * C


def weight_shapes(config: ModelConfig, *, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by its name, without making any.

    Asking a model on the meta device costs two seconds the first time: it imports
    torch._dynamo.
    """
    C, F = config.hidden_size, config.feedforward_size
    linear = {"attn.c_attn": (3 * C, C), "attn.c_proj": (C, C)}
    linear |= {"mlp.c_fc": (F, C), "mlp.c_proj": (C, F)}
    layer: dict[str, tuple[int, ...]] = {f"{name}.weight": size for name, size in linear.items()}
    layer |= {f"{name}.bias": size[:1] for name, size in linear.items()}
    layer |= {f"{norm}.{part}": (C,) for norm in ("ln_1", "ln_2") for part in ("weight", "bias")}
    return {
        "wte.weight": (vocab_size, C),
        **{f"h.{n}.{name}": size for n in range(config.num_layers) for name, size in layer.items()},
        "ln_f.weight": (C,),
        "ln_f.bias": (C,),
        "lm_head.weight": (vocab_size, C),
    }


def training_memory(
    config: ModelConfig,
    *,
    vocab_size: int,
    batch_size: int,
    activation_checkpointing: bool = False,
    half: bool = False,
    peft: PeftConfig = FULL_FINETUNING,
    optimizer: str = "adamw",
    num_workers: int = 1,
    num_state_parts: int = 1,
) -> TrainingMemory:
    """Estimate the peak memory of one step.

    What each layer keeps for the backward pass, per position: the inputs of both norms
    and of the four linear maps, q, k, v and the attention's output, and the GELU's input
    (17·C numbers); two dropout masks, which a CPU keeps as numbers (2·C). One layer's backward
    pass needs 10·C at once, and 5·C more where it is computed anew. Logits exist three times: as
    log-probabilities, the gradient of these, and their own; in a half format once more in that. In
    a half format each weight exists once more, for each thread. Within 20 % of what was measured
    on a CPU (`tests/unit/core/model/test_memory_measured.py`).

    A frozen layer keeps nothing where no gradient goes through it. Where one does, to adapters
    or to the rows of new characters below, it needs no inputs of linear maps for them (7·C
    less, adapters apart), but 20·C more at once, as measured.

    Args:
        config: the shape.
        vocab_size: V.
        batch_size: windows at once.
        activation_checkpointing: whether layers keep only what goes into them.
        half: whether matrix products are in a format of two bytes.
        peft: which parts learn.
        optimizer: AdamW keeps two numbers for each weight, Muon one for those in its matrices.
        num_workers: threads that share a step where each can have a window, with gradients of
            their own.
        num_state_parts: into which the optimizer's state is cut, of which one is here.
    """
    C, dropped = config.hidden_size, config.dropout > 0
    weights = BYTES * num_parameters(config, vocab_size=vocab_size)
    in_layer = 17 * C + 2 * C * dropped
    if half:  # the inputs of both norms stay in fp32
        in_layer = (in_layer + 2 * C) // 2
    frozen = min(peft.frozen_layers, config.num_layers)
    passed = frozen if peft.num_new else 0
    learning = config.num_layers - frozen
    in_learning = in_layer + 4 * peft.lora_rank
    kept = learning * in_learning + passed * (in_layer - 7 * C)
    if activation_checkpointing:
        kept = (2 * (learning + passed) + 5) * C + in_learning
    logits = 7 * vocab_size // 2 if half else 3 * vocab_size
    outside = (3 + dropped) * C + logits
    positions = batch_size * config.seq_length
    at_once = 30 * C if peft.lora_rank or passed else 10 * C
    activations = round(FRAGMENTATION * BYTES * positions * (kept + at_once + outside))
    is_shared = batch_size >= num_workers and not activation_checkpointing
    num_learners = num_workers if is_shared else 1
    activations += num_learners * (
        weights // 2 + BLOCK_WORKSPACE_BYTES if half else WORKSPACE_BYTES
    )
    trained = BYTES * num_trainable(config, vocab_size=vocab_size, peft=peft)
    states = 2 * trained
    if optimizer == "muon" and not peft.lora_rank:
        states -= BYTES * learning * (4 * C * C + 2 * C * config.feedforward_size)
    if peft.keeps_start:
        weights *= 2
    if peft.lora_rank:
        weights += trained
    cache = BYTES * 2 * config.num_layers * config.seq_length * C
    states = -(-states // num_state_parts)
    return TrainingMemory(weights, num_learners * trained, states, activations, cache)
