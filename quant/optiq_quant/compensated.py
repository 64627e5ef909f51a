"""Codes that make up for each other's errors (Coding.COMPENSATED).

What counts is tr(dW M dW^T), M being the second moment of the inputs. A first pass codes column after column and
carries the errors over to those that follow (GPTQ, arXiv:2210.17323, in the form of LDLQ, arXiv:2307.13304:
M = U U^T with U upper triangular, so that no inverse is needed). Sweeps of coordinate descent follow (as in
QuantEase, arXiv:2309.01885): each group's scale and bias, then each column's codes, are set to their best while
all else stands. No sweep raises the error. Rows of the weights are independent throughout.

Arrays are (in, rows), columns of the weights being contiguous. It does not know where M comes from.
"""

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from optiq_quant.encoded import Encoded
from optiq_quant.fitted import (
    Floats,
    Groups,
    assembled,
    encode_fitted,
    fit_groups,
    nearest_codes,
    rounded,
)
from optiq_quant.formats import Format, Mode
from optiq_quant.packing import unpack
from optiq_quant.statistics import InputStatistics

_DAMPING = 0.01
"""Added to M's diagonal, as a share of its mean (GPTQ's own choice)."""

_SWEEPS = 3

_ROWS = 4096
"""Rows coded at once: bounds the memory beside M to about ten times these rows."""


@dataclass(slots=True)
class _State:
    """Rows while they are coded: `target` and `codes` (in, rows), `scales` and `biases` (groups, rows)."""

    target: Floats
    codes: Floats
    scales: Floats
    biases: Floats
    bits: int
    group: int
    stored: mx.Dtype

    def columns(self, index: int) -> slice:
        return slice(index * self.group, (index + 1) * self.group)

    def decoded(self) -> Floats:
        scales, biases = (np.repeat(each, self.group, 0) for each in (self.scales, self.biases))
        return self.codes * scales + biases


def encode_compensated(
    weight: mx.array, form: Format, statistics: InputStatistics, sweeps: int = _SWEEPS
) -> Encoded:
    """Code `weight` (out, in) under the second moment of its inputs; scales and biases have its dtype.

    Without a second moment, or in a format that is not affine, it is coded by `encode_fitted`.
    """
    if form.mode is not Mode.AFFINE or statistics.second_moment is None:
        return encode_fitted(weight, form, statistics)
    moment = damped(np.array(statistics.second_moment.astype(mx.float32)))
    factor = upper_factor(moment)
    parts = []
    for start in range(0, weight.shape[0], _ROWS):
        rows = weight[start : start + _ROWS]
        parts.append(_encode_rows(rows, form, statistics, moment, factor, sweeps))
    return assembled(parts, weight, form)


def damped(moment: Floats) -> Floats:
    diagonal = np.diagonal(moment).mean() * _DAMPING
    return moment + np.float32(max(float(diagonal), 1e-12)) * np.eye(len(moment), dtype=np.float32)


def upper_factor(moment: Floats) -> Floats:
    """U, upper triangular, with M = U U^T."""
    flipped = np.linalg.cholesky(moment[::-1, ::-1].astype(np.float64))
    return np.ascontiguousarray(flipped[::-1, ::-1]).astype(np.float32)


def moment_error(difference: Floats, moment: Floats) -> Floats:
    """The diagonal of dW M dW^T of a difference (in, rows), (rows,)."""
    return np.asarray(np.einsum("ir,ir->r", difference, moment @ difference))


def _encode_rows(rows, form, statistics, moment, factor, sweeps) -> Groups:
    target = np.ascontiguousarray(np.array(rows.astype(mx.float32)).T)
    fitted = _state(encode_fitted(rows, form, statistics), target, rows.dtype)
    state = _carried(target, factor, form, rows.dtype)
    better = moment_error(fitted.decoded() - target, moment) < moment_error(state.decoded() - target, moment)
    for name in ("codes", "scales", "biases"):
        setattr(state, name, np.where(better, getattr(fitted, name), getattr(state, name)))
    for _ in range(sweeps):
        _sweep(state, moment)
    return Groups(
        codes=np.ascontiguousarray(state.codes.T).astype(np.uint8).reshape(-1, form.group_size),
        scales=np.ascontiguousarray(state.scales.T).reshape(-1),
        biases=np.ascontiguousarray(state.biases.T).reshape(-1),
    )


def _state(encoded: Encoded, target: Floats, stored: mx.Dtype) -> _State:
    form = encoded.format
    assert encoded.scales is not None and encoded.biases is not None
    return _State(
        target=target,
        codes=unpack(np.array(encoded.weight), form.bits).T.astype(np.float32),
        scales=np.array(encoded.scales.astype(mx.float32)).T,
        biases=np.array(encoded.biases.astype(mx.float32)).T,
        bits=form.bits,
        group=form.group_size,
        stored=stored,
    )


def _carried(target: Floats, factor: Floats, form: Format, stored: mx.Dtype) -> _State:
    """The first pass: errors of coded columns, through the factor, move the targets of those that follow."""
    size, groups = form.group_size, len(target) // form.group_size
    pivots = np.diagonal(factor)
    unit = factor / pivots
    codes, scales, biases = np.empty_like(target), [], []
    errors = np.empty_like(target)
    for index in range(groups):
        span = slice(index * size, (index + 1) * size)
        wanted = target[span] + unit[: span.start, span].T @ errors[: span.start]
        fit = fit_groups(np.ascontiguousarray(wanted.T), np.square(pivots[span])[None], form.bits, stored)
        for offset in range(size):
            column = span.start + offset
            carried = wanted[offset] + unit[span.start : column, column] @ errors[span.start : column]
            codes[column] = nearest_codes(carried, fit.scales, fit.biases, form.bits)
            errors[column] = target[column] - (codes[column] * fit.scales + fit.biases)
        scales.append(fit.scales)
        biases.append(fit.biases)
    return _State(target, codes, np.stack(scales), np.stack(biases), form.bits, size, stored)


def _sweep(state: _State, moment: Floats) -> None:
    """Once through all groups: scale and bias, then each column's codes."""
    difference = state.decoded() - state.target
    for index in range(len(state.scales)):
        span = state.columns(index)
        inner = moment[span, span]
        slope = moment[span] @ difference
        slope += inner @ _rescale(state, index, slope, inner)
        scales, biases = state.scales[index], state.biases[index]
        decoded = state.codes[span] * scales + biases
        moved = np.zeros_like(decoded)
        for offset in range(state.group):
            gradient = slope[offset] + inner[offset, :offset] @ moved[:offset]
            wanted = decoded[offset] - gradient / inner[offset, offset]
            codes = nearest_codes(wanted, scales, biases, state.bits)
            moved[offset] = codes * scales + biases - decoded[offset]
            state.codes[span.start + offset] = codes
        difference[span] = state.codes[span] * scales + biases - state.target[span]


def _rescale(state: _State, index: int, slope: Floats, inner: Floats) -> Floats:
    """Move a group's scale and bias to their best under M; returns how that moves its weights."""
    codes = state.codes[state.columns(index)]
    products = inner @ codes
    by_scale, by_bias = np.einsum("gr,gr->r", codes, slope), slope.sum(0)
    aa, ab, bb = np.einsum("gr,gr->r", codes, products), products.sum(0), np.float32(inner.sum())
    determinant = aa * bb - ab * ab
    safe = determinant > 1e-6 * aa * bb
    divisor = np.where(safe, determinant, 1)
    scales = rounded(state.scales[index] - (bb * by_scale - ab * by_bias) / divisor, state.stored)
    biases = rounded(state.biases[index] - (aa * by_bias - ab * by_scale) / divisor, state.stored)
    dscale, dbias = scales - state.scales[index], biases - state.biases[index]
    gain = dscale * by_scale + dbias * by_bias
    gain += 0.5 * (dscale * dscale * aa + 2 * dscale * dbias * ab + dbias * dbias * bb)
    keep = safe & (gain < 0) & (np.abs(scales) >= 2.0**-24)
    state.scales[index] = np.where(keep, scales, state.scales[index])
    state.biases[index] = np.where(keep, biases, state.biases[index])
    return codes * np.where(keep, dscale, 0) + np.where(keep, dbias, 0)
