"""An informed start: previous-token heads and induction heads are there before the first step.

From a random start this model needs millions of tokens to discover copying, if it does at all. gpt_oss has
what is needed to write the two halves down:

- Queries and keys have biases, which the rotary positions turn. A key bias `u` and a query bias `R(-d) u`
  give the score `sum_f |u_f|^2 cos(theta_f (delta - d))`, largest `d` tokens back: a positional head. Heads
  of the sliding layers start so, and copy what stood 1, 2 and 3 tokens back into "slots" of the residual.
- The slow rotary dimensions hardly turn over a few hundred tokens, so a match of content lives there. Heads
  of the full layers start by comparing the present token with every token's slots (induction), and copy.

The residual is divided: tokens are embedded in the first half, slots live in the second.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False, warn-return-any=False
# (torch is not installed where the gate runs, so its types are unknown there)

from __future__ import annotations

import torch
from torch import Tensor, nn

from tools.pocket.model import Attention, PocketModel
from tools.pocket.shape import rope_frequencies

_POSITIONAL_PAIRS = 12
_POSITIONAL_SIZE = 5.0
_SLOT = 32
_MATCH_SIZE = 1.6
_COPY_GAIN = 1.5
_NOISE = 0.02


def _turned(vector: Tensor, offset: float) -> Tensor:
    """R(-offset) applied to a vector in the half-split layout."""
    angles = torch.tensor(rope_frequencies(vector.numel())) * -offset
    first, second = vector.chunk(2)
    return torch.cat(
        (first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin())
    )


def _positional_bias(head_dim: int) -> Tensor:
    bias = torch.zeros(head_dim)
    bias[:_POSITIONAL_PAIRS] = _POSITIONAL_SIZE
    # The fastest pairs separate neighbours, so they carry more.
    bias[:4] *= 1.4
    return bias


def _slow_dimensions(head_dim: int) -> Tensor:
    half = head_dim // 2
    return torch.cat((torch.arange(half // 2, half), torch.arange(half + half // 2, head_dim)))


def _projection(rows: int, columns: int) -> Tensor:
    """Orthonormal rows."""
    return torch.linalg.qr(torch.randn(columns, rows))[0].T


def _make_positional(attention: Attention, offsets: tuple[int, ...], narrow: Tensor, half: int) -> None:
    """Head i copies the token `offsets[i]` back into slot i; `narrow` (32, half) is what it keeps of it."""
    size = attention.shape.head_dim
    group = attention.shape.heads // attention.shape.kv_heads
    bias = _positional_bias(size)
    for kv in range(attention.shape.kv_heads):
        attention.k_proj.bias[kv * size : (kv + 1) * size] = bias
        attention.v_proj.weight[kv * size : kv * size + _SLOT, :half] = narrow
    for head, offset in enumerate(offsets):
        at = slice(head * size, (head + 1) * size)
        attention.q_proj.bias[at] = _turned(bias, offset)
        slot = half + _SLOT * min(head // group, 1)
        attention.o_proj.weight[slot : slot + _SLOT, head * size : head * size + _SLOT] = torch.eye(_SLOT)


def _make_induction(attention: Attention, narrow: Tensor, half: int) -> None:
    """Key/value head 0 matches slot 1, head 1 matches slot 2; queries are the present token or slot 1."""
    size = attention.shape.head_dim
    group = attention.shape.heads // attention.shape.kv_heads
    slow = _slow_dimensions(size)
    for kv in range(attention.shape.kv_heads):
        slot = half + _SLOT * min(kv, 1)
        attention.k_proj.weight[kv * size + slow, slot : slot + _SLOT] = _MATCH_SIZE * torch.eye(_SLOT)
        attention.v_proj.weight[kv * size : kv * size + half, :half] += torch.eye(half)
    for head in range(attention.shape.heads):
        rows = head * size + slow
        if head // group == 0:
            attention.q_proj.weight[rows, :half] = _MATCH_SIZE * narrow
        else:
            attention.q_proj.weight[rows, half : half + _SLOT] = _MATCH_SIZE * torch.eye(_SLOT)
        share = _COPY_GAIN / attention.shape.heads
        columns = slice(head * size, head * size + half)
        attention.o_proj.weight[half : 2 * half, columns] += share * torch.eye(half)


@torch.no_grad()
def initialise(model: PocketModel, features: Tensor, seed: int) -> None:
    """Set every weight; `features` (rows, half) places tokens that are spelt alike near each other."""
    torch.manual_seed(seed)
    half = model.shape.hidden // 2
    model.embedding.normal_(0, _NOISE)
    model.embedding[:, :half] = features
    model.head.normal_(0, _NOISE)
    model.head[:, half:] = 0.12 * features
    narrow = _projection(_SLOT, half) * (half / _SLOT) ** 0.5
    for block, kind in zip(model.blocks, model.shape.layer_types, strict=True):
        for linear in (block.attention.q_proj, block.attention.k_proj):
            nn.init.normal_(linear.weight, 0, _NOISE)
            nn.init.zeros_(linear.bias)
        for linear in (block.attention.v_proj, block.attention.o_proj):
            nn.init.normal_(linear.weight, 0, _NOISE)
            nn.init.zeros_(linear.bias)
        nn.init.normal_(block.mlp.router.weight, 0, 0.05)
        nn.init.zeros_(block.mlp.router.bias)
        if kind == "sliding_attention":
            _make_positional(block.attention, (1, 3, 2, 4), narrow, half)
        else:
            _make_induction(block.attention, narrow, half)
