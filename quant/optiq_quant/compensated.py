"""Codes that make up for each other's errors (Coding.COMPENSATED).

What counts is tr(dW M dW^T), M being the second moment of the inputs. A first pass codes column after column
and carries the errors over to those that follow (GPTQ, arXiv:2210.17323, in the form of LDLQ,
arXiv:2307.13304: M = U U^T with U upper triangular, so that no inverse is needed). Sweeps of coordinate
descent follow (as in QuantEase, arXiv:2309.01885): each group's scale and bias, then each column's codes, are
set to their best while all else stands. No sweep raises the error. Rows are independent of each other.

Arrays are (in, rows) here, so that a column of the weights is contiguous. It does not know where M
comes from.
"""

from dataclasses import dataclass
from typing import Self

import mlx.core as mx
import numpy as np

from optiq_quant.encoded import Encoded, encode_nearest, stacked
from optiq_quant.fitted import (
    LEAST_SCALE,
    Floats,
    Groups,
    coded_rows,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """M, damped, and its upper factor."""

    matrix: Floats
    factor: Floats

    @classmethod
    def of(cls, moment: Floats) -> Self:
        damping = max(float(np.diagonal(moment).mean()) * _DAMPING, 1e-12)
        matrix = moment + np.float32(damping) * np.eye(len(moment), dtype=np.float32)
        flipped = np.linalg.cholesky(matrix[::-1, ::-1].astype(np.float64))
        return cls(matrix=matrix, factor=np.ascontiguousarray(flipped[::-1, ::-1], np.float32))

    def error(self, difference: Floats) -> Floats:
        """The diagonal of dW M dW^T, (rows,), of a difference (in, rows)."""
        return np.asarray(np.einsum("ir,ir->r", difference, self.matrix @ difference))


@dataclass(slots=True, kw_only=True)
class _Rows:
    """Rows while they are coded: `target` and `codes` (in, rows), `scales` and `biases` (groups, rows)."""

    form: Format
    stored: mx.Dtype
    target: Floats
    codes: Floats
    scales: Floats
    biases: Floats

    def decoded(self) -> Floats:
        scales, biases = (np.repeat(each, self.form.group_size, 0) for each in (self.scales, self.biases))
        return self.codes * scales + biases

    def groups(self) -> Groups:
        codes = np.ascontiguousarray(self.codes.T).astype(np.uint8)
        return Groups(
            codes=codes.reshape(-1, self.form.group_size),
            scales=self.scales.T.reshape(-1),
            biases=self.biases.T.reshape(-1),
        )


def encode_compensated(
    weight: mx.array, form: Format, statistics: InputStatistics, stored: mx.Dtype, *, sweeps: int = _SWEEPS
) -> Encoded:
    """Code `weight` (out, in) under the second moment of its inputs, scales and biases being of the 16-bit
    type `stored`.

    Without a second moment, or in a format that is not affine, it is coded by `encode_fitted`. Raises
    ValueError where the format does not fit the shape.
    """
    if form.mode is not Mode.AFFINE or not form.fits(weight.shape) or statistics.second_moment is None:
        return encode_fitted(weight, form, statistics, stored)
    moment = _Moment.of(np.array(statistics.second_moment.astype(mx.float32)))
    parts = []
    for start in range(0, weight.shape[0], _ROWS):
        rows = weight[start : start + _ROWS]
        groups = _coded(rows, form, moment, stored, sweeps).groups()
        parts.append(coded_rows(groups, form, len(rows), stored))
    return stacked(parts, weight.shape)


def _coded(rows: mx.array, form: Format, moment: _Moment, stored: mx.Dtype, sweeps: int) -> _Rows:
    """The first pass, or the nearest codes in rows where these are better; then the sweeps."""
    target = np.ascontiguousarray(np.array(rows.astype(mx.float32)).T)
    coded = _carried(target, moment, form, stored)
    nearest = _nearest(rows, target, form, stored)
    better = moment.error(nearest.decoded() - target) < moment.error(coded.decoded() - target)
    for name in ("codes", "scales", "biases"):
        setattr(coded, name, np.where(better, getattr(nearest, name), getattr(coded, name)))
    for _ in range(sweeps):
        _sweep(coded, moment.matrix)
    return coded


def _nearest(rows: mx.array, target: Floats, form: Format, stored: mx.Dtype) -> _Rows:
    encoded = encode_nearest(rows.astype(stored), form)
    codes = unpack(np.array(encoded.weight), form.bits).T.astype(np.float32)
    scales, biases = (
        np.array(encoded.tensors("")[name].astype(mx.float32)).T for name in (".scales", ".biases")
    )
    return _Rows(form=form, stored=stored, target=target, codes=codes, scales=scales, biases=biases)


def _carried(target: Floats, moment: _Moment, form: Format, stored: mx.Dtype) -> _Rows:
    """The first pass: errors of coded columns, through the factor, move the targets of those that follow."""
    size, groups = form.group_size, len(target) // form.group_size
    pivots = np.diagonal(moment.factor)
    unit = moment.factor / pivots
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
    return _Rows(
        form=form,
        stored=stored,
        target=target,
        codes=codes,
        scales=np.stack(scales),
        biases=np.stack(biases),
    )


def _sweep(coded: _Rows, moment: Floats) -> None:
    """Once through all groups: scale and bias, then each column's codes."""
    difference = coded.decoded() - coded.target
    for index in range(len(coded.scales)):
        span = _span(coded, index)
        inner = moment[span, span]
        slope = moment[span] @ difference
        slope += inner @ _rescale(coded, index, slope, inner)
        scales, biases = coded.scales[index], coded.biases[index]
        decoded = coded.codes[span] * scales + biases
        moved = np.zeros_like(decoded)
        for offset in range(coded.form.group_size):
            gradient = slope[offset] + inner[offset, :offset] @ moved[:offset]
            wanted = decoded[offset] - gradient / inner[offset, offset]
            codes = nearest_codes(wanted, scales, biases, coded.form.bits)
            moved[offset] = codes * scales + biases - decoded[offset]
            coded.codes[span.start + offset] = codes
        difference[span] = coded.codes[span] * scales + biases - coded.target[span]


def _span(coded: _Rows, index: int) -> slice:
    return slice(index * coded.form.group_size, (index + 1) * coded.form.group_size)


def _rescale(coded: _Rows, index: int, slope: Floats, inner: Floats) -> Floats:
    """Move a group's scale and bias to their best under M; returns how that moves its weights."""
    codes = coded.codes[_span(coded, index)]
    products = inner @ codes
    by_scale, by_bias = np.einsum("gr,gr->r", codes, slope), slope.sum(0)
    aa, ab, bb = np.einsum("gr,gr->r", codes, products), products.sum(0), np.float32(inner.sum())
    determinant = aa * bb - ab * ab
    safe = determinant > 1e-6 * aa * bb
    divisor = np.where(safe, determinant, 1)
    scales = rounded(coded.scales[index] - (bb * by_scale - ab * by_bias) / divisor, coded.stored)
    biases = rounded(coded.biases[index] - (aa * by_bias - ab * by_scale) / divisor, coded.stored)
    dscale, dbias = scales - coded.scales[index], biases - coded.biases[index]
    gain = dscale * by_scale + dbias * by_bias
    gain += 0.5 * (dscale * dscale * aa + 2 * dscale * dbias * ab + dbias * dbias * bb)
    keep = safe & (gain < 0) & (np.abs(scales) >= LEAST_SCALE)
    coded.scales[index] = np.where(keep, scales, coded.scales[index])
    coded.biases[index] = np.where(keep, biases, coded.biases[index])
    return codes * np.where(keep, dscale, 0) + np.where(keep, dbias, 0)
