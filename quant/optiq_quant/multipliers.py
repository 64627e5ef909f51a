"""Prices of weights: the Lagrange multipliers that bound a knapsack's cost from below as well as they can.

Any prices of at least 0 give a valid bound, so nothing here needs to be exact. It holds numbers only.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from optiq_quant.knapsack import Ints, Item

Floats = npt.NDArray[np.float64]

_GOLDEN = (math.sqrt(5) - 1) / 2
_STEPS = 40
_DECADES = 16
"""Prices are looked for over so many powers of ten below the highest that can matter."""


def best_multipliers(items: Sequence[Item], capacities: Ints) -> Floats:
    """The price of a unit of each weight (constraints,) that maximises the bound

        sum over items of min over options (cost + price . weight)  -  price . capacity

    which is concave in the prices: one price is searched within the other. Weights have 0 as their least.
    """
    costs, weights = _padded(items)
    highest = [_highest_price(items, constraint) for constraint in range(len(capacities))]

    def bound(prices: Floats) -> float:
        priced = costs + np.tensordot(prices, weights, axes=1)
        return float(priced.min(axis=1).sum() - prices @ capacities)

    def search(known: tuple[float, ...]) -> tuple[float, Floats]:
        if len(known) == len(capacities):
            prices = np.array(known)
            return bound(prices), prices
        return _maximum(lambda price: search((*known, price)), highest[len(known)])

    return search(())[1]


def _maximum(value: Callable[[float], tuple[float, Floats]], highest: float) -> tuple[float, Floats]:
    """The maximum of a concave function on [0, highest], by golden section over the logarithm."""
    low, high = math.log(highest) - _DECADES * math.log(10), math.log(highest)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(math.exp(left)), value(math.exp(right))
    best = max((value(0.0), at_left, at_right), key=lambda found: found[0])
    for _ in range(_STEPS):
        if at_left[0] > at_right[0]:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = value(math.exp(left))
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = value(math.exp(right))
        best = max((best, at_left, at_right), key=lambda found: found[0])
    return best


def _highest_price(items: Sequence[Item], constraint: int) -> float:
    """A price at which every item takes an option of the least weight."""
    steepest = max(int(item.costs.max()) for item in items)
    weights = np.concatenate([item.weights[constraint] for item in items])
    lightest = weights[weights > 0].min(initial=np.iinfo(np.int64).max)
    return max(steepest / float(lightest), 1e-300)


def _padded(items: Sequence[Item]) -> tuple[Floats, Floats]:
    """Costs (items, options) and weights (constraints, items, options), the missing options never chosen."""
    most = max(len(item.costs) for item in items)
    costs = np.full((len(items), most), np.inf)
    weights = np.zeros((len(items[0].weights), len(items), most))
    for number, item in enumerate(items):
        costs[number, : len(item.costs)] = item.costs
        weights[:, number, : len(item.costs)] = item.weights
    return costs, weights
