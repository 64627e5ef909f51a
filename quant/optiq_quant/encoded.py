"""A unit's weights as they are stored: packed codes, scales and biases."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx

from optiq_quant.formats import Format, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Weights (..., out, in) in a format: `weight` holds the codes, packed in uint32, or the floats where the
    format is DENSE; `scales` and `biases` (..., out, in / group_size) are None where the format has none.
    """

    format: Format
    weight: mx.array
    scales: mx.array | None = None
    biases: mx.array | None = None

    def tensors(self, path: str) -> dict[str, mx.array]:
        """The tensors of a checkpoint, by name."""
        named = {"weight": self.weight, "scales": self.scales, "biases": self.biases}
        return {f"{path}.{name}": array for name, array in named.items() if array is not None}

    def rows(self, begin: int, end: int) -> "Encoded":
        """A part of it, along the first axis."""
        return Encoded(
            format=self.format,
            weight=self.weight[begin:end],
            scales=None if self.scales is None else self.scales[begin:end],
            biases=None if self.biases is None else self.biases[begin:end],
        )

    def decoded(self, dtype: mx.Dtype = mx.float32) -> mx.array:
        """The weights that it means, (..., out, in)."""
        if self.scales is None:
            return self.weight.astype(dtype)
        # MLX decodes in the type of the scales, and rounds to it: they are widened first.
        decoded = mx.dequantize(
            self.weight,
            scales=self.scales if self.biases is None else self.scales.astype(dtype),
            biases=None if self.biases is None else self.biases.astype(dtype),
            group_size=self.format.group_size,
            bits=self.format.bits,
            mode=self.format.mode.value,
        )
        return decoded.astype(dtype)


def stacked(parts: Sequence[Encoded], shape: Sequence[int]) -> Encoded:
    """Consecutive rows of one format, put together as weights of `shape`."""

    def joined(arrays: Sequence[mx.array | None]) -> mx.array | None:
        found = [array for array in arrays if array is not None]
        return mx.concatenate(found).reshape(*shape[:-1], -1) if found else None

    whole = Encoded(
        format=parts[0].format,
        weight=mx.concatenate([part.weight for part in parts]).reshape(*shape[:-1], -1),
        scales=joined([part.scales for part in parts]),
        biases=joined([part.biases for part in parts]),
    )
    mx.eval(whole.tensors(""))
    return whole


def encode_nearest(weight: mx.array, form: Format) -> Encoded:
    """Code `weight` (..., out, in) by MLX's own quantize. Scales and biases have the weight's dtype.

    Raises ValueError where the format does not fit the shape.
    """
    if not form.fits(weight.shape):
        raise ValueError(f"{form.name} does not fit shape {weight.shape}: its groups are along the last axis")
    if form.mode is Mode.DENSE:
        return Encoded(format=form, weight=weight.astype(getattr(mx, form.dtype)))
    parts = tuple(mx.quantize(weight, group_size=form.group_size, bits=form.bits, mode=form.mode.value))
    return Encoded(format=form, weight=parts[0], scales=parts[1], biases=parts[2] if parts[2:] else None)
