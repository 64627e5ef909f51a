"""What formats that were not measured are expected to cost, from those of the same unit that were. Pure.

A unit's divergence grows with its weighted error E as a power of it. Through one measured format the power is
1, which is what small errors do; between two measured formats their own power is used, and 1 beyond them.
"""

import math
from collections.abc import Mapping, Sequence

from optiq_quant.formats import Format

_LEAST = 1e-12
"""Below it a divergence in nats, or an error, is taken for rounding and has no logarithm worth using."""


def predict(measured: Mapping[Format, float], errors: Mapping[Format, float], wanted: Format) -> float:
    """The divergence of `wanted` in nats, from those `measured` (at least one), all of them with `errors`."""
    if wanted in measured:
        return measured[wanted]
    if errors[wanted] <= 0:
        return 0.0
    knots = sorted((_log(errors[form]), _log(value)) for form, value in measured.items())
    at = _log(errors[wanted])
    below = [knot for knot in knots if knot[0] <= at]
    above = [knot for knot in knots if knot[0] > at]
    if below and above:
        return math.exp(_between(below[-1], above[0], at))
    error, value = below[-1] if below else above[0]
    return math.exp(value + at - error)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's, equal values sharing their mean rank; 1 where either has no order at all."""
    ranks = [_ranks(values) for values in (first, second)]
    means = [sum(each) / len(each) for each in ranks]
    centred = [[rank - mean for rank in each] for each, mean in zip(ranks, means, strict=True)]
    norms = [math.sqrt(sum(rank * rank for rank in each)) for each in centred]
    if not all(norms):
        return 1.0
    product = math.fsum(a * b for a, b in zip(centred[0], centred[1], strict=True))
    return product / (norms[0] * norms[1])


def _between(below: tuple[float, float], above: tuple[float, float], at: float) -> float:
    share = (at - below[0]) / (above[0] - below[0])
    return below[1] + share * (above[1] - below[1])


def _log(value: float) -> float:
    return math.log(max(value, _LEAST))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(values)
    first = {value: order.index(value) for value in set(values)}
    count = {value: order.count(value) for value in set(values)}
    return [first[value] + (count[value] - 1) / 2 for value in values]
