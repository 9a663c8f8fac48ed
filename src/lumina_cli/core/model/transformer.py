"""The model: a causal Transformer over a tokenizer's ids, pre-norm, GELU.

With sinusoidal positions it computes what `torch.nn.TransformerEncoder(norm_first=True)`
with a causal mask does; its parameters are named as in GPT-2, so that an export is a renaming.
One forward pass serves training, prefill, decoding with a cache, tracing and export.
Source: Vaswani et al. 2017, "Attention Is All You Need"; Radford et al. 2019, GPT-2.

B batch, T time, C hidden size, H heads, D head size, V vocabulary.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from lumina_cli.core.config import KernelsName
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.functional import gelu, split_heads
from lumina_cli.core.model.kernels.fast import FAST, KERNELS
from lumina_cli.core.model.kernels.interface import Kernels
from lumina_cli.core.model.kv_cache import CacheWindow, LayerCache
from lumina_cli.core.model.rope import rotary_cos_sin, sinusoidal_positions


class CausalSelfAttention(nn.Module):
    """Each position gathers from itself and the positions before it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.c_attn = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.c_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, x: Tensor, *, cos_sin: Tensor | None, kernels: Kernels, cache: LayerCache | None
    ) -> Tensor:
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.num_heads, C // self.num_heads)
        q, k, v = split_heads(qkv, cos_sin)  # (B, H, T, D) each
        if cache is None:
            y = kernels.causal_attention(q, k, v)
        else:
            k, v = cache.update(k, v)
            mask, is_causal = cache.window.mask, cache.window.is_causal
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal)
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
    """One pre-norm layer: x + attention(norm(x)), then x + MLP(norm(x)).

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

    def forward(
        self,
        x: Tensor,
        *,
        cos_sin: Tensor | None,
        kernels: Kernels,
        cache: LayerCache | None = None,
    ) -> Tensor:
        y = self.attn(self.ln_1(x), cos_sin=cos_sin, kernels=kernels, cache=cache)
        x = self._add(x, y, kernels=kernels)
        return self._add(x, self.mlp(self.ln_2(x)), kernels=kernels)

    def _add(self, x: Tensor, y: Tensor, *, kernels: Kernels) -> Tensor:
        if self.training and self.dropout:
            return kernels.residual_dropout(x, y, rate=self.dropout)
        return x + y


class Transformer(nn.Module):
    """The whole model.

    Args:
        config: its shape.
        vocab_size: V, number of ids.

    Attributes:
        kernels: the forms of its weightless parts, fast or plain: see `kernels.interface`.
        activation_checkpointing: compute activations again in the backward pass instead of
            keeping them: slower, smaller.
    """

    positions: Tensor
    cos_sin: Tensor
    kernels: Kernels = FAST
    activation_checkpointing = False

    def __init__(self, config: ModelConfig, *, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.wte = nn.Embedding(vocab_size, config.hidden_size)
        self.h = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.ln_f = nn.LayerNorm(config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, vocab_size, bias=False)
        if config.position_encoding == "rotary":
            cos_sin = rotary_cos_sin(config.seq_length, config.head_size)
            self.register_buffer("cos_sin", cos_sin, persistent=False)
        else:
            table = sinusoidal_positions(config.seq_length, config.hidden_size)
            self.register_buffer("positions", table, persistent=False)

    def forward(self, idx: Tensor, *, cache: CacheWindow | None = None) -> Tensor:
        """Return the logits of the next id at every position, (B, T, V), of ids (B, T).

        Args:
            idx: ids.
            cache: where they stand, and what was read before them; it takes up their keys and
                values. Without one they are a whole text.
        """
        logits: Tensor = self.lm_head(self.hidden(idx, cache=cache))
        return logits

    def hidden(self, idx: Tensor, *, cache: CacheWindow | None = None) -> Tensor:
        """Return what `lm_head` reads: the normed last hidden states, (B, T, C)."""
        _, T = idx.shape
        assert self.config.seq_length >= T, (T, self.config.seq_length)
        where = slice(0, T) if cache is None else cache.positions
        x = self.wte(idx) * math.sqrt(self.config.hidden_size)  # (B, T, C)
        cos_sin = None
        if self.config.position_encoding == "rotary":
            cos_sin = self.cos_sin[where]
        else:
            x = x + self.positions[where]
        if self.training and self.config.dropout:
            x = self.kernels.dropout(x, rate=self.config.dropout)
        for number, block in enumerate(self.h):
            if self.activation_checkpointing and self.training:
                x = checkpoint(block, x, cos_sin=cos_sin, kernels=self.kernels, use_reentrant=False)
            else:
                layer = None if cache is None else cache.layer(number)
                x = block(x, cos_sin=cos_sin, kernels=self.kernels, cache=layer)
        y: Tensor = self.ln_f(x)
        return y


def use_kernels(name: KernelsName) -> None:
    """Let all models of this process use the fast forms of their parts, or the plain ones."""
    Transformer.kernels = KERNELS[name]


def to_bf16(model: Transformer) -> Transformer:
    """Round the weights to bf16, in place; rotary angles stay exact, for they are not learnt."""
    cos_sin = getattr(model, "cos_sin", None)
    model.to(torch.bfloat16)
    if cos_sin is not None:
        model.cos_sin = cos_sin
    return model


def build_model(config: ModelConfig, *, vocab_size: int, generator: torch.Generator) -> Transformer:
    """Return a fresh model on the CPU, every layer with weights of its own.

    Embedded ids enter the first layer with spread 1, matrices keep the spread of what
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
