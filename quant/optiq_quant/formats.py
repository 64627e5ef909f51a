"""Number formats of weights, as values: what they are called, what they cost, and which shapes they fit.

All are formats that mlx-lm loads (`quantization` of config.json, by path). It holds no array.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How groups of weights are coded: MLX's own names, and DENSE for a float of 16 or 32 bits."""

    AFFINE = "affine"
    MXFP4 = "mxfp4"
    MXFP8 = "mxfp8"
    NVFP4 = "nvfp4"
    DENSE = "dense"


_AFFINE_BITS = (2, 3, 4, 5, 6, 8)
_AFFINE_GROUPS = (32, 64, 128)
_FIXED = {Mode.MXFP4: (4, 32), Mode.MXFP8: (8, 32), Mode.NVFP4: (4, 16)}
"""Bits and group size of the formats that have one form only (OCP microscaling; NVFP4)."""

_DENSE_NAMES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}
_AFFINE_NAME = re.compile(r"affine([0-9]+)g([0-9]+)", re.ASCII)
_AFFINE_SCALE_BYTES = 4
"""Each affine group has a scale and a bias of 16 bits; they have the dtype of the model's floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format. `group_size` is 0 and `dtype` MLX's name of a float where the mode is DENSE."""

    mode: Mode
    bits: int
    group_size: int
    dtype: str = ""

    def __post_init__(self) -> None:
        legal = (
            (self.mode is Mode.DENSE and self.dtype in _DENSE_NAMES.values() and self.group_size == 0)
            or (self.mode is Mode.AFFINE and self.bits in _AFFINE_BITS and self.group_size in _AFFINE_GROUPS)
            or _FIXED.get(self.mode) == (self.bits, self.group_size)
        )
        if not legal:
            raise ValueError(f"there is no format {self.mode} with {self.bits} bits, group {self.group_size}")

    @property
    def name(self) -> str:
        """`affine4g64`, `mxfp4`, `bf16`: what users write and plans hold; `parse_format` reads it."""
        if self.mode is Mode.AFFINE:
            return f"affine{self.bits}g{self.group_size}"
        if self.mode is Mode.DENSE:
            return next(name for name, dtype in _DENSE_NAMES.items() if dtype == self.dtype)
        return self.mode.value

    @property
    def bits_per_weight(self) -> float:
        """Bits a weight takes, its share of scales and biases counted."""
        if self.mode is Mode.DENSE:
            return float(self.bits)
        scale_bits = 8 * _AFFINE_SCALE_BYTES if self.mode is Mode.AFFINE else 8
        return self.bits + scale_bits / self.group_size

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether MLX can code weights (..., out, in) so: groups run along the last axis."""
        return self.mode is Mode.DENSE or shape[-1] % self.group_size == 0

    def bytes(self, shape: Sequence[int]) -> int:
        """Bytes on disk and in memory of weights of `shape`. Raises ValueError where it does not fit."""
        if not self.fits(shape):
            raise ValueError(
                f"{self.name} does not fit shape {tuple(shape)}: its groups are along the last axis"
            )
        count = math.prod(shape)
        if self.mode is Mode.DENSE:
            return count * self.bits // 8
        per_group = _AFFINE_SCALE_BYTES if self.mode is Mode.AFFINE else 1
        return count * self.bits // 8 + count // self.group_size * per_group

    def as_config(self) -> dict[str, object]:
        """The entry of config.json's `quantization` for a path. DENSE weights have none."""
        return {"group_size": self.group_size, "bits": self.bits, "mode": self.mode.value}


def affine(bits: int, group_size: int = 64) -> Format:
    return Format(mode=Mode.AFFINE, bits=bits, group_size=group_size)


def microscaled(mode: Mode) -> Format:
    """MXFP4, MXFP8 or NVFP4."""
    bits, group_size = _FIXED[mode]
    return Format(mode=mode, bits=bits, group_size=group_size)


def dense(dtype: str) -> Format:
    """`dtype` is bfloat16, float16 or float32."""
    return Format(mode=Mode.DENSE, bits=32 if dtype == "float32" else 16, group_size=0, dtype=dtype)


def parse_format(text: str) -> Format:
    """A format by its name. Raises ValueError, which tells what is legal."""
    name = text.strip().lower()
    if name in _DENSE_NAMES:
        return dense(_DENSE_NAMES[name])
    if name in [mode.value for mode in _FIXED]:
        return microscaled(Mode(name))
    found = _AFFINE_NAME.fullmatch(name)
    try:
        if found is not None:
            return affine(int(found[1]), int(found[2]))
    except ValueError:
        pass
    bits, groups = ("|".join(map(str, each)) for each in (_AFFINE_BITS, _AFFINE_GROUPS))
    others = ", ".join([*_FIXED, *_DENSE_NAMES])
    raise ValueError(f"{text!r} is no format; legal are affine<{bits}>g<{groups}>, {others}")


def format_of_config(entry: Mapping[str, object]) -> Format:
    """A format from an entry of config.json's `quantization`. Raises ValueError."""
    mode = Mode(str(entry.get("mode", Mode.AFFINE.value)))
    bits, group_size = entry.get("bits"), entry.get("group_size")
    if not isinstance(bits, int) or not isinstance(group_size, int):
        raise ValueError(f"bits and group_size must be integers; they are {bits!r} and {group_size!r}")
    return Format(mode=mode, bits=bits, group_size=group_size)
