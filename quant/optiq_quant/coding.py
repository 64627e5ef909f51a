"""Codes of a whole module in one of the ways of coding, slab by slab: rows of a matrix, or experts.

It chooses no way, and knows nothing of the model around the module.
"""

from collections.abc import Iterator
from itertools import repeat

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.compensated import encode_compensated
from optiq_quant.encoded import Encoded, encode_nearest, stacked
from optiq_quant.fitted import encode_fitted
from optiq_quant.formats import Format
from optiq_quant.modules import weight_shape
from optiq_quant.plan import Coding
from optiq_quant.statistics import InputStatistics
from optiq_quant.trials import weight_slabs


def encode_module(
    module: Module, form: Format, coding: Coding, statistics: InputStatistics | None, stored: mx.Dtype
) -> Encoded:
    """The module's weights in `form`, scales and biases being of the 16-bit type `stored`.

    Without what a way of coding needs to know, it is the next simpler one: COMPENSATED needs a second moment,
    FITTED needs none but is better with mean squares. Raises ValueError for KEPT, which codes nothing.
    """
    if coding is Coding.KEPT:
        raise ValueError("kept is no way of coding: the source's own bits are copied")
    each = _by_matrix(statistics)
    parts = []
    for slab in weight_slabs(module):
        for matrix in slab.reshape(-1, *slab.shape[-2:]):
            parts.append(_encode(matrix, form, coding, next(each), stored))
    return stacked(parts, weight_shape(module))


def _encode(
    matrix: mx.array, form: Format, coding: Coding, statistics: InputStatistics | None, stored: mx.Dtype
) -> Encoded:
    if coding is Coding.NEAREST:
        return encode_nearest(matrix.astype(stored), form)
    if coding is Coding.FITTED or statistics is None:
        return encode_fitted(matrix, form, statistics, stored)
    return encode_compensated(matrix, form, statistics, stored)


def _by_matrix(statistics: InputStatistics | None) -> Iterator[InputStatistics | None]:
    """The statistics of each matrix in turn. What is no mixture has its own for all slabs.

    An expert counts as if it had also seen an average one of all experts' inputs for each column: so one
    that saw few is not coded for these alone, and one that saw none as any other.
    """
    if statistics is None or statistics.expert_counts is None:
        yield from repeat(statistics)
        return
    counts = statistics.expert_counts.astype(mx.float32)
    squares, moments = statistics.mean_square, statistics.second_moment
    added, total = squares.shape[-1], mx.maximum(counts.sum(), 1)
    average = mx.tensordot(counts, squares, 1) / total
    average_moment = None if moments is None else mx.tensordot(counts, moments, 1) / total
    for index, count in enumerate(counts):
        own, share = count / (count + added), added / (count + added)
        moment = None
        if moments is not None and average_moment is not None:
            moment = own * moments[index] + share * average_moment
        yield InputStatistics(
            count=int(count) + added,
            mean_square=own * squares[index] + share * average,
            second_moment=moment,
        )
