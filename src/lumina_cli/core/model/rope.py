"""Where a character stands: a wave added to its embedding, or a turn of queries and keys.

B batch, T time, C hidden size, H heads, D head size.
"""

import math

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

LONGEST_WAVE = 10_000.0


def sinusoidal_positions(seq_length: int, hidden_size: int) -> Tensor:
    """Return sines (even columns) and cosines (odd columns) of each position, (T, C).

    Source: Vaswani et al. 2017, section 3.5.
    """
    position = torch.arange(seq_length, dtype=torch.float64).unsqueeze(1)
    pair = torch.arange(0, hidden_size, 2, dtype=torch.float64)
    frequency = torch.exp(pair * (-math.log(LONGEST_WAVE) / hidden_size))
    table = torch.empty(seq_length, hidden_size, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table.float()


def rotary_turns(seq_length: int, head_size: int) -> Tensor:
    """Return the turn of each position as numbers on the unit circle, (T, D / 2, 2).

    The angles are those of the waves in `sinusoidal_positions`.
    Source: Su et al. 2021, "RoFormer", section 3.2.
    """
    waves = sinusoidal_positions(seq_length, head_size)
    return torch.stack([waves[:, 1::2], waves[:, 0::2]], dim=-1)


def rotate(qk: Tensor, turns: Tensor) -> Tensor:
    """Turn queries and keys by their positions, in fp32; each pair is a complex number.

    One complex product is about half the cost of the four real ones it stands for; but
    compilers write no code for it.

    Args:
        qk: (B, T, 2, H, D).
        turns: of these positions, (T, D / 2, 2).
    """
    if torch.compiler.is_compiling():
        return rotate_in_parts(qk, turns)
    pairs = torch.view_as_complex(qk.float().reshape(*qk.shape[:-1], -1, 2))  # (B, T, 2, H, D / 2)
    turned = pairs * torch.view_as_complex(turns)[:, None, None]
    return torch.view_as_real(turned).flatten(-2).type_as(qk)


def rotate_in_parts(qk: Tensor, turns: Tensor) -> Tensor:
    """Do what `rotate` does by real products."""
    even, odd = qk.float().reshape(*qk.shape[:-1], -1, 2).unbind(-1)  # (B, T, 2, H, D / 2)
    cos, sin = turns[:, None, None].unbind(-1)
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return turned.flatten(-2).type_as(qk)


def qkv_turns(turns: Tensor) -> Tensor:
    """Return turns, (T, D / 2, 2), as complex numbers for `turned`, (T, 3, 1, D / 2).

    Values are multiplied by 1.
    """
    turn = torch.view_as_complex(turns)
    return torch.stack([turn, turn, torch.ones_like(turn)], dim=1).unsqueeze(2)


def turned(qkv: Tensor, turns: Tensor) -> Tensor:
    """Turn queries and keys by their positions, in place where they are in fp32.

    At a few positions starting operations is what takes time, and this is one, values and all.

    Args:
        qkv: (B, T, 3, H, D), contiguous; its own memory is given up.
        turns: of these positions, from `qkv_turns`.
    """
    in_fp32 = qkv.float()
    _as_complex(in_fp32).mul_(turns)
    return in_fp32.type_as(qkv)


def split_heads(qkv: Tensor, *, turns: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, (B, H, T, D) each; turned by their positions, if at all.

    Args:
        qkv: (B, T, 3, H, D).
        turns: of these positions, (T, D / 2, 2).
    """
    if turns is None:
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    elif qkv.device.type == "cpu" and not torch.compiler.is_compiling():
        q, k, v = _SplitTurned.apply(qkv, turns).unbind(0)  # type: ignore[no-untyped-call]
    else:
        q, k = rotate(qkv[:, :, :2], turns).permute(2, 0, 3, 1, 4).unbind(0)
        v = qkv[:, :, 2].transpose(1, 2).contiguous()  # lets go of qkv
    return q, k, v


class _SplitTurned(torch.autograd.Function):
    """Turns and lays heads side by side in one pass, which torch takes several for."""

    @staticmethod
    def forward(ctx: FunctionCtx, qkv: Tensor, turns: Tensor) -> Tensor:
        ctx.save_for_backward(turns)
        B, T, _, H, D = qkv.shape
        out = qkv.new_empty(3, B, H, T, D)
        _turn(qkv.permute(2, 0, 3, 1, 4), torch.view_as_complex(turns), out=out)
        return out

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        (turns,) = ctx.saved_tensors  # type: ignore[attr-defined]
        _, B, H, T, D = grads[0].shape
        out = grads[0].new_empty(B, T, 3, H, D)
        back = torch.view_as_complex(turns).conj().resolve_conj()
        _turn(grads[0], back, out=out.permute(2, 0, 3, 1, 4))
        return out, None


def _turn(qkv: Tensor, turns: Tensor, *, out: Tensor) -> None:
    """Write queries and keys times complex turns, and values as they are; (3, B, H, T, D)."""
    out[2].copy_(qkv[2])
    if qkv.dtype == torch.float32:
        torch.mul(_as_complex(qkv[:2]), turns, out=_as_complex(out[:2]))
    else:
        turned = _as_complex(qkv[:2].float()) * turns
        out[:2].copy_(torch.view_as_real(turned).flatten(-2))


def _as_complex(x: Tensor) -> Tensor:
    return torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))
