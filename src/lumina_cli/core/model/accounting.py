"""How large a model is and how much memory training it takes, from its shape alone.

B batch, T time, C hidden size, H heads, V vocabulary, L layers.
"""

from dataclasses import dataclass

from lumina_cli.core.model.config import ModelConfig

BYTES = 4
"""Weights, gradients, optimizer and activations in fp32."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Peak memory of a training step by part, in bytes."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations


def num_parameters(config: ModelConfig, *, vocab_size: int) -> int:
    """Return the number of weights: L layers of 12·C² + 13·C, two embeddings, the last norm."""
    C, F = config.hidden_size, config.feedforward_size
    attention = 3 * C * C + 3 * C + C * C + C
    feed_forward = C * F + F + F * C + C
    norms = 4 * C
    return config.num_layers * (attention + feed_forward + norms) + 2 * vocab_size * C + 2 * C


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


def training_memory(config: ModelConfig, *, vocab_size: int, batch_size: int) -> TrainingMemory:
    """Estimate the peak memory of one step with AdamW.

    What each layer keeps for the backward pass, per position: the inputs of both norms
    and of the four linear maps, q, k, v and the attention's output, the GELU's input
    (17·C numbers), and two dropout masks of one byte each. Logits exist three times: as
    they are, as log-probabilities, and as their gradient.
    """
    weights = BYTES * num_parameters(config, vocab_size=vocab_size)
    positions = batch_size * config.seq_length
    per_layer = 17 * config.hidden_size * BYTES + 2 * config.hidden_size
    outside = 3 * config.hidden_size * BYTES + 3 * vocab_size * BYTES
    activations = positions * (config.num_layers * per_layer + outside)
    return TrainingMemory(weights, weights, 2 * weights, activations)
