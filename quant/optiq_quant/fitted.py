"""Codes whose scales and biases are fitted: each group by weighted least squares (Coding.FITTED).

The error of weight j counts by the mean square of input j. Scales and biases are rounded to what is stored
before the codes are chosen, so the codes make up for the rounding. It does not know how inputs depend on each
other; `compensated` does.
"""

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from optiq_quant.encoded import Encoded, encode_nearest, stacked
from optiq_quant.formats import Format, Mode
from optiq_quant.packing import Codes, pack, unpack
from optiq_quant.statistics import InputStatistics

Floats = NDArray[np.float32]

_SLICE = 1 << 18
"""Weights fitted at once, so that the temporaries stay in a processor's cache."""

LEAST_SCALE = 2.0**-24
"""The least that float16 holds: no scale may vanish, codes are divided by it."""

_STARTS = {
    2: (1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
    3: (1.0, 0.92, 0.84, 0.76, 0.68, 0.6),
    4: (1.0, 0.94, 0.88, 0.82, 0.76),
    5: (1.0, 0.96, 0.92, 0.86),
    6: (1.0, 0.97, 0.93),
    8: (1.0, 0.98),
}
"""Shares of a group's range at which a fit starts: the fewer the bits, the more clipping may pay."""

_REFITS = 3
"""Least-squares steps from each start; a fourth changes few codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Affine codes of groups: `codes` (n, group), `scales` and `biases` (n,), as float32 that the stored
    16-bit type holds exactly."""

    codes: Codes
    scales: Floats
    biases: Floats

    def decoded(self) -> Floats:
        return self.codes * self.scales[:, None] + self.biases[:, None]


def rounded(values: Floats, stored: mx.Dtype) -> Floats:
    """`values` as the stored type holds them."""
    return np.array(mx.array(values).astype(stored).astype(mx.float32))


def nearest_codes(values: Floats, scales: Floats, biases: Floats, bits: int) -> Floats:
    """The codes that decode closest to `values`, as floats; the arrays broadcast."""
    codes = (values - biases) / scales
    np.rint(codes, out=codes)
    return np.clip(codes, 0, (1 << bits) - 1, out=codes)


def fit_groups(values: Floats, weights: Floats, bits: int, stored: mx.Dtype) -> Groups:
    """Fit groups (n, group): the sum of weights x squared error is least over all starts, in each group.

    `weights` (n, group) or (1, group) are not negative.
    """
    weights = weights + np.float32(1e-6) * weights.mean(-1, keepdims=True) + np.float32(1e-30)
    best = _nearest_groups(values, bits, stored)
    least = _error(best.decoded(), values, weights)
    low, high = values.min(-1), values.max(-1)
    for share in _STARTS[bits]:
        scales, biases = (high - low) * np.float32(share / ((1 << bits) - 1)), low * np.float32(share)
        for _ in range(_REFITS + 1):
            scales, biases = _storable(scales, biases, stored)
            codes = nearest_codes(values, scales[:, None], biases[:, None], bits)
            error = _error(codes * scales[:, None] + biases[:, None], values, weights)
            better = error < least
            if better.any():
                best = _merged(best, better, codes, scales, biases)
                least = np.where(better, error, least)
            scales, biases = _least_squares(codes, values, weights, scales)
    return best


def encode_fitted(
    weight: mx.array, form: Format, statistics: InputStatistics | None, stored: mx.Dtype
) -> Encoded:
    """Code `weight` (out, in), scales and biases being of the 16-bit type `stored`.

    Without statistics, or with such as weigh rows, all columns count alike. Formats that are not affine are
    coded by `encode_nearest`. Raises ValueError where the format does not fit the shape.
    """
    if form.mode is not Mode.AFFINE or not form.fits(weight.shape):
        return encode_nearest(weight.astype(stored), form)
    rows, columns = weight.shape
    weights = _column_weights(columns, statistics).reshape(-1, form.group_size)
    step = max(1, _SLICE // columns)
    parts = []
    for start in range(0, rows, step):
        values = np.array(weight[start : start + step].astype(mx.float32))
        groups = values.reshape(-1, form.group_size)
        fit = fit_groups(groups, np.tile(weights, (len(values), 1)), form.bits, stored)
        parts.append(coded_rows(fit, form, len(values), stored))
    return stacked(parts, weight.shape)


def coded_rows(groups: Groups, form: Format, rows: int, stored: mx.Dtype) -> Encoded:
    """The groups of consecutive rows as they are stored."""
    scales, biases = (
        mx.array(each.reshape(rows, -1)).astype(stored) for each in (groups.scales, groups.biases)
    )
    words = mx.array(pack(groups.codes.reshape(rows, -1), form.bits))
    return Encoded(format=form, weight=words, scales=scales, biases=biases)


def _column_weights(columns: int, statistics: InputStatistics | None) -> Floats:
    if statistics is None or statistics.weighs_rows:
        return np.ones(columns, np.float32)
    return np.array(statistics.mean_square.astype(mx.float32))


def _nearest_groups(values: Floats, bits: int, stored: mx.Dtype) -> Groups:
    """What MLX's own quantize makes of the values in the stored type: no fit may be worse."""
    group = values.shape[-1]
    words, scales, biases = mx.quantize(mx.array(values).astype(stored), group_size=group, bits=bits)
    return Groups(
        codes=unpack(np.array(words), bits),
        scales=np.array(scales.astype(mx.float32))[:, 0],
        biases=np.array(biases.astype(mx.float32))[:, 0],
    )


def _storable(scales: Floats, biases: Floats, stored: mx.Dtype) -> tuple[Floats, Floats]:
    """Both as they are stored, no scale being 0."""
    scales, biases = rounded(scales, stored), rounded(biases, stored)
    return np.where(np.abs(scales) < LEAST_SCALE, np.float32(LEAST_SCALE), scales), biases


def _least_squares(codes: Floats, values: Floats, weights: Floats, scales: Floats) -> tuple[Floats, Floats]:
    """The scale and bias of each group that fit its codes best; the scale stays where all codes are one."""
    total = weights.sum(-1)
    weights = np.broadcast_to(weights, values.shape)
    code_mean = np.einsum("ng,ng->n", weights, codes) / total
    value_mean = np.einsum("ng,ng->n", weights, values) / total
    centred = codes - code_mean[:, None]
    variance = np.einsum("ng,ng,ng->n", weights, centred, centred)
    covariance = np.einsum("ng,ng,ng->n", weights, centred, values)
    fitted = np.where(variance > 1e-6 * total, covariance / np.maximum(variance, 1e-30), scales)
    return fitted.astype(np.float32), (value_mean - fitted * code_mean).astype(np.float32)


def _error(decoded: Floats, values: Floats, weights: Floats) -> Floats:
    difference = decoded - values
    return np.asarray(np.einsum("ng,ng,ng->n", weights, difference, difference), np.float32)


def _merged(best: Groups, better: NDArray[np.bool_], codes: Floats, scales: Floats, biases: Floats) -> Groups:
    return Groups(
        codes=np.where(better[:, None], codes.astype(np.uint8), best.codes),
        scales=np.where(better, scales, best.scales),
        biases=np.where(better, biases, best.biases),
    )
