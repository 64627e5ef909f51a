"""MXFP4 as the checkpoint stores it: E2M1 values, one E8M0 scale for 32 neighbours of the input axis.

The same rounding serves training (straight-through) and export, so what was trained is what is shipped.
"""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 32
E2M1_VALUES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_SMALLEST_EXPONENT, _LARGEST_EXPONENT = -127, 127
_E2M1_LARGEST = 6.0


def scale_exponents(groups: Tensor) -> Tensor:
    """The exponent of each group's power-of-two scale: the smallest that keeps its largest value within 6.

    The OCP recipe (floor(log2 max) - 2) clips values between 6 and 8 scales; for weights this small the
    clipped tail costs more than the coarser grid, so the exponent is rounded up instead.
    """
    largest = groups.abs().amax(dim=-1)
    exponent = torch.ceil(torch.log2(largest.clamp_min(1e-30) / _E2M1_LARGEST))
    return exponent.clamp(_SMALLEST_EXPONENT, _LARGEST_EXPONENT)


def round_to_e2m1(scaled: Tensor) -> Tensor:
    """The nearest E2M1 value of numbers within [-6, 6]; an exact tie goes to the even code.

    The grid's step is 0.5 up to 2, 1 up to 4, and 2 beyond.
    """
    size = scaled.abs()
    step = torch.where(size < 2, 0.5, torch.where(size < 4, 1.0, 2.0))
    return torch.round(scaled / step) * step


def encode(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (..., K) to `blocks` uint8 (..., K/32, 16), low nibble first, and `scales` uint8 (..., K/32)."""
    groups = weight.detach().float().unflatten(-1, (-1, GROUP))
    exponent = scale_exponents(groups)
    scaled = groups / torch.exp2(exponent)[..., None]
    rounded = round_to_e2m1(scaled)
    codes = torch.searchsorted(torch.tensor(E2M1_VALUES), rounded.abs()).to(torch.uint8)
    codes = codes | ((rounded < 0).to(torch.uint8) << 3)
    blocks = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return blocks, (exponent + 127).to(torch.uint8)


def decode(blocks: Tensor, scales: Tensor) -> Tensor:
    """The inverse of `encode`: float32 weight (..., K)."""
    table = torch.tensor(E2M1_VALUES + tuple(-value for value in E2M1_VALUES))
    codes = torch.stack((blocks & 15, blocks >> 4), dim=-1).flatten(-2)
    values = table[codes.long()] * torch.exp2(scales.float() - 127)[..., None]
    return values.flatten(-2)


def fake_quantise(weight: Tensor) -> Tensor:
    """`decode(encode(weight))` in the forward pass, the identity in the backward pass."""
    with torch.no_grad():
        groups = weight.unflatten(-1, (-1, GROUP))
        scale = torch.exp2(scale_exponents(groups))[..., None]
        rounded = (round_to_e2m1(groups / scale) * scale).flatten(-2)
    return weight + (rounded - weight).detach()
