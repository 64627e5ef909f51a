"""How much a format changes what a unit gives: its squared error on the inputs that it saw.

The error of the weights, dW, costs sum_ij a_j dW_ij^2, a_j being the mean square of input j. That ranks the
formats of one unit; it does not compare units, because it knows nothing of what comes behind them.
"""

from collections.abc import Iterable, Mapping

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.formats import Format
from optiq_quant.statistics import InputStatistics
from optiq_quant.trials import Encode, weight_slabs


def weighted_errors(
    module: Module, path: str, forms: Iterable[Format], statistics: InputStatistics | None, encode: Encode
) -> Mapping[Format, float]:
    """Of each format. Without statistics all inputs weigh the same. Weights are read slab by slab."""
    wanted = list(dict.fromkeys(forms))
    errors = dict.fromkeys(wanted, 0.0)
    first = 0
    for slab in weight_slabs(module):
        weights = _weights(statistics, slice(first, first + slab.shape[0]))
        first += slab.shape[0]
        for form in wanted:
            error = mx.square(encode(path, slab, form).decoded(mx.float32) - slab)
            errors[form] += float((error if weights is None else error * weights).sum())
    return errors


def _weights(statistics: InputStatistics | None, rows: slice) -> mx.array | None:
    """What the squared errors of the slab `rows` are multiplied by."""
    if statistics is None:
        return None
    if statistics.expert_counts is not None:
        share = statistics.expert_counts[rows].astype(mx.float32) / statistics.count
        return (share[:, None] * statistics.mean_square[rows])[:, None, :]
    if statistics.weighs_rows:
        return statistics.mean_square[rows][:, None]
    return statistics.mean_square
