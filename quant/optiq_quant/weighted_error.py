"""How much a format changes what a unit gives: its squared error on the inputs that it saw.

The error of the weights, dW, costs sum_ij a_j dW_ij^2, a_j being the mean square of input j. That ranks the
formats of one unit; it does not compare units, because it knows nothing of what comes behind them. So a large
unit is judged by a part of its outputs, evenly taken, and an embedding by the rows that were read.
"""

import math
from collections.abc import Iterable, Mapping

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module

from optiq_quant.formats import Format
from optiq_quant.modules import weight_shape
from optiq_quant.statistics import InputStatistics
from optiq_quant.trials import Encode, weight_slabs

_SAMPLE_WEIGHTS = 4 << 20
"""Of a unit. Errors of so many weights have a mean that is within a thousandth of all weights' mean."""


def weighted_errors(
    module: Module, path: str, forms: Iterable[Format], statistics: InputStatistics | None, encode: Encode
) -> Mapping[Format, float]:
    """Of each format. Without statistics all inputs weigh the same."""
    wanted = list(dict.fromkeys(forms))
    errors = dict.fromkeys(wanted, 0.0)
    rows = _rows(weight_shape(module), statistics)
    outputs = weight_shape(module)[-2]
    scale = 1.0 if statistics is not None and statistics.weighs_rows else outputs / rows.size
    first = 0
    for slab in weight_slabs(module, rows):
        weights = _weights(statistics, slice(first, first + slab.shape[0]), rows)
        first += slab.shape[0]
        for form in wanted:
            error = mx.square(encode(path, slab, form).decoded(mx.float32) - slab)
            errors[form] += scale * _sum(error if weights is None else error * weights)
    return errors


def _sum(array: mx.array) -> float:
    """In float64 but for the last axis: MLX adds millions of small numbers in float32 2 % wrong on a CPU."""
    return float(np.array(array.sum(axis=-1)).astype(np.float64).sum())


def _rows(shape: tuple[int, ...], statistics: InputStatistics | None) -> mx.array:
    """The outputs that are looked at; of each expert the same."""
    outputs = shape[-2]
    if statistics is not None and statistics.weighs_rows:
        return mx.array(np.flatnonzero(np.array(statistics.mean_square)))
    stride = max(1, min(outputs, math.prod(shape) // _SAMPLE_WEIGHTS))
    return mx.arange(0, outputs, stride)


def _weights(statistics: InputStatistics | None, part: slice, rows: mx.array) -> mx.array | None:
    """What the squared errors of the slab `part`, of `rows` or of experts, are multiplied by."""
    if statistics is None:
        return None
    if statistics.expert_counts is not None:
        share = statistics.expert_counts[part].astype(mx.float32) / statistics.count
        return (share[:, None] * statistics.mean_square[part])[:, None, :]
    if statistics.weighs_rows:
        return statistics.mean_square[rows[part]][:, None]
    return statistics.mean_square
