"""The model: a causal Transformer over characters, pre-norm, GELU.

With sinusoidal positions it computes what `torch.nn.TransformerEncoder(norm_first=True)`
with a causal mask does; its parameters are named as in GPT-2, so that an export is a renaming.
Source: Vaswani et al. 2017, "Attention Is All You Need"; Radford et al. 2019, GPT-2.

B batch, T time, C hidden size, H heads, D head size, V vocabulary.
"""

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.attention import attend
from lumina_cli.core.model.kernels.dropout import add_dropped, drop
from lumina_cli.core.model.kernels.gelu import gelu
from lumina_cli.core.model.rope import rotary_turns, sinusoidal_positions, split_heads


class CausalSelfAttention(nn.Module):
    """Each position gathers from itself and the positions before it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.c_attn = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.c_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, *, turns: Tensor | None) -> Tensor:
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.num_heads, C // self.num_heads)
        q, k, v = split_heads(qkv, turns=turns)
        y = attend(q, k, v)
        out: Tensor = self.c_proj(y.transpose(1, 2).reshape(B, T, C))
        return out


class MLP(nn.Module):
    """Two linear maps with a GELU (tanh form) between them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.hidden_size, config.feedforward_size)
        self.c_proj = nn.Linear(config.feedforward_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.c_proj(gelu(self.c_fc(x)))
        return y


class Block(nn.Module):
    """One pre-norm layer: x + attention(norm(x)), then x + feed-forward(norm(x)).

    Dropout acts on what each half adds, not on the attention probabilities: there it
    would need those of all positions at once (half as fast on a CPU).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.hidden_size)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.hidden_size)
        self.mlp = MLP(config)
        self.dropout = config.dropout

    def forward(self, x: Tensor, *, turns: Tensor | None) -> Tensor:
        y = self.attn(self.ln_1(x), turns=turns)
        x = add_dropped(x, y, rate=self.dropout, training=self.training)
        y = self.mlp(self.ln_2(x))
        return add_dropped(x, y, rate=self.dropout, training=self.training)


class Transformer(nn.Module):
    """The whole model.

    Args:
        config: its shape.
        vocab_size: V, number of ids.
    """

    positions: Tensor
    turns: Tensor
    recompute = False
    """Compute activations again in the backward pass instead of keeping them: slower, smaller."""

    def __init__(self, config: ModelConfig, *, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.wte = nn.Embedding(vocab_size, config.hidden_size)
        self.h = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.ln_f = nn.LayerNorm(config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, vocab_size, bias=False)
        if config.position_encoding == "rotary":
            turns = rotary_turns(config.seq_length, config.head_size)
            self.register_buffer("turns", turns, persistent=False)
        else:
            table = sinusoidal_positions(config.seq_length, config.hidden_size)
            self.register_buffer("positions", table, persistent=False)

    def forward(self, idx: Tensor) -> Tensor:
        """Return the logits of the next id at every position, (B, T, V), of ids (B, T)."""
        x = self.hidden(idx)
        logits: Tensor = self.lm_head(x)
        return logits

    def hidden(self, idx: Tensor) -> Tensor:
        """Return what `lm_head` reads: the normed last hidden states, (B, T, C)."""
        _, T = idx.shape
        assert self.config.seq_length >= T, (T, self.config.seq_length)
        x = self.wte(idx) * math.sqrt(self.config.hidden_size)  # (B, T, C)
        turns = None
        if self.config.position_encoding == "rotary":
            turns = self.turns[:T]
        else:
            x = x + self.positions[:T]
        x = drop(x, rate=self.config.dropout, training=self.training)
        for layer in self.h:
            if self.recompute and self.training:
                x = checkpoint(layer, x, turns=turns, use_reentrant=False)
            else:
                x = layer(x, turns=turns)
        y: Tensor = self.ln_f(x)
        return y


def to_bf16(model: Transformer) -> Transformer:
    """Round the weights to bf16, in place; turns stay exact, for they are not learnt."""
    turns = getattr(model, "turns", None)
    model.to(torch.bfloat16)
    if turns is not None:
        model.turns = turns
    return model


def build_model(config: ModelConfig, *, vocab_size: int, generator: torch.Generator) -> Transformer:
    """Return a fresh model on the CPU, every layer with weights of its own.

    Embedded characters enter the first layer with spread 1, matrices keep the spread of what
    passes through them (times 0.7, found by measuring), and the head is small, so that the
    first loss is close to ln V.
    """
    model = Transformer(config, vocab_size=vocab_size)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            is_norm_weight = "ln_" in name and name.endswith("weight")
            nn.init.constant_(parameter, 1.0 if is_norm_weight else 0.0)
        else:
            std = _initial_spread(name, parameter, config=config)
            nn.init.normal_(parameter, std=std, generator=generator)
    return model


def _initial_spread(name: str, matrix: Tensor, *, config: ModelConfig) -> float:
    if name == "wte.weight":
        return 1 / math.sqrt(config.hidden_size)  # the model multiplies by √C
    if name == "lm_head.weight":
        return 0.02
    return 0.7 / math.sqrt(matrix.size(1))
