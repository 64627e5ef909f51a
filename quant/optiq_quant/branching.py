"""The multiple-choice knapsack with several weights, by branch and bound, one layer of the tree at a time.

A node is a choice for the first items. It is dropped where its Lagrangian bound exceeds the best choice known
(Fisher, "The Lagrangian relaxation method for solving integer programming problems", 1981), or where another
node weighs and costs no more. Where too many nodes are left in a layer, those with the highest
bounds go, and the least of those bounds tells how far the result can be from the best. It needs no common
quantum of the weights. It holds numbers and indices only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from optiq_quant.knapsack import Indices, Ints, Item
from optiq_quant.multipliers import best_multipliers

WIDTHS = (2_000, 40_000, 400_000)
"""Nodes kept in a layer, from a quick first try, whose result bounds the next, to the most that is tried:
for 200 layers about 400 MB of memory."""

_TOLERANCE = 2.0**-40
"""Bounds are floats: what is closer than this share of the largest sum of costs is not told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An option for each item. No choice costs less than `cost - gap`; 0 proves it the best."""

    chosen: tuple[int, ...]
    cost: int
    gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """Weights less their least in each item, capacities accordingly. `rest` (items + 1,) bounds what the
    items from each on cost, `multipliers` (constraints,) are the prices of the weights, and `order` tells
    which of the caller's items each is."""

    items: Sequence[Item]
    capacities: Ints
    multipliers: npt.NDArray[np.float64]
    rest: npt.NDArray[np.float64]
    tolerance: float
    order: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class _Layer:
    """Nodes: costs (nodes,), weights (constraints, nodes), where each comes from, and its option."""

    costs: Ints
    weights: Ints
    parents: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, dtype=np.int32))
    options: Indices = field(default_factory=lambda: np.zeros(1, dtype=np.uint8))

    def take(self, kept: npt.NDArray[np.intp]) -> "_Layer":
        return _Layer(
            costs=self.costs[kept],
            weights=self.weights[:, kept],
            parents=self.parents[kept],
            options=self.options[kept],
        )


def search(
    items: Sequence[Item],
    capacities: Sequence[int],
    start: tuple[int, ...],
    widths: Sequence[int] = WIDTHS,
) -> Found:
    """The best choice whose sums of weights stay within `capacities`; `start` is one that does.

    Of choices with equal cost it prefers the least first weight, then the least second. The same input gives
    the same result.
    """
    free = np.zeros(len(capacities))
    cost = sum(int(item.costs[option]) for item, option in zip(items, start, strict=True))
    best = Found(chosen=start, cost=cost, gap=cost)
    best = _search_within(_prepare(items, capacities, free), best, widths[0])
    if best.gap == 0:
        return best
    # Prices take a moment to find, and small problems need none.
    problem = _prepare(items, capacities, None)
    for width in widths:
        best = _search_within(problem, best, width)
        if best.gap == 0:
            break
    return best


def _prepare(
    items: Sequence[Item], capacities: Sequence[int], multipliers: npt.NDArray[np.float64] | None
) -> _Problem:
    """Without `multipliers` it finds the best ones."""
    # Small items first: many of the first layers' nodes weigh the same.
    order = sorted(range(len(items)), key=lambda number: (items[number].span, number))
    least = [items[number].weights.min(axis=1, keepdims=True) for number in order]
    shifted = [
        Item(costs=items[number].costs, weights=items[number].weights - low)
        for number, low in zip(order, least, strict=True)
    ]
    capacity = np.array(capacities, dtype=np.int64) - np.sum([low[:, 0] for low in least], axis=0)
    if multipliers is None:
        multipliers = best_multipliers(shifted, capacity)
    least_priced = [float((item.costs + multipliers @ item.weights).min()) for item in shifted]
    rest = np.concatenate([np.cumsum(least_priced[::-1])[::-1], [0.0]])
    total = float(sum(int(item.costs.max()) for item in items))
    return _Problem(
        items=shifted,
        capacities=capacity,
        multipliers=multipliers,
        rest=rest,
        tolerance=total * _TOLERANCE,
        order=tuple(order),
    )


def _search_within(problem: _Problem, best: Found, width: int) -> Found:
    """Go through all layers with at most `width` nodes in each; never worse than `best`."""
    constraints = len(problem.capacities)
    layer = _Layer(costs=np.zeros(1, np.int64), weights=np.zeros((constraints, 1), np.int64))
    layers, least_dropped = [], float("inf")
    for number, item in enumerate(problem.items):
        layer = _undominated(_children(problem, layer, number, item, best.cost))
        if len(layer.costs) > width:
            bounds = _bounds(problem, layer, number + 1)
            order = np.argsort(bounds, kind="stable")
            least_dropped = min(least_dropped, float(bounds[order[width]]))
            layer = layer.take(np.sort(order[:width]))
        layers.append((layer.parents, layer.options))
    if len(layer.costs):
        last = int(np.lexsort((*layer.weights[::-1], layer.costs))[0])
        cost = int(layer.costs[last])
        if cost <= best.cost:
            best = Found(chosen=_walk_back(problem, layers, last), cost=cost, gap=0)
    gap = 0 if least_dropped > best.cost - problem.tolerance else best.cost - int(max(least_dropped, 0.0))
    return Found(chosen=best.chosen, cost=best.cost, gap=gap)


def _children(problem: _Problem, layer: _Layer, number: int, item: Item, most: int) -> _Layer:
    """The children that fit and may cost no more than `most`."""
    parts = []
    for option in range(len(item.costs)):
        weights = layer.weights + item.weights[:, option : option + 1]
        child = _Layer(
            costs=layer.costs + item.costs[option],
            weights=weights,
            parents=np.arange(len(layer.costs), dtype=np.int32),
            options=np.full(len(layer.costs), option, dtype=np.uint8),
        )
        fits = (weights <= problem.capacities[:, None]).all(axis=0)
        hopeful = _bounds(problem, child, number + 1) <= most + problem.tolerance
        parts.append(child.take(np.flatnonzero(fits & hopeful)))
    return _Layer(
        costs=np.concatenate([part.costs for part in parts]),
        weights=np.concatenate([part.weights for part in parts], axis=1),
        parents=np.concatenate([part.parents for part in parts]),
        options=np.concatenate([part.options for part in parts]),
    )


def _bounds(problem: _Problem, layer: _Layer, reached: int) -> npt.NDArray[np.float64]:
    left = problem.capacities[:, None] - layer.weights
    bounds: npt.NDArray[np.float64] = layer.costs + problem.rest[reached] - problem.multipliers @ left
    return bounds


def _undominated(layer: _Layer) -> _Layer:
    """Without the nodes that another one equals or undercuts in cost and in all weights; where there are
    several weights, without those of equal weights only, which are most of them."""
    if len(layer.costs) < 2:
        return layer
    layer = layer.take(np.lexsort((layer.costs, *layer.weights[::-1])))
    if len(layer.weights) == 1:
        kept = layer.costs[1:] < np.minimum.accumulate(layer.costs)[:-1]
    else:
        kept = (layer.weights[:, 1:] != layer.weights[:, :-1]).any(axis=0)
    return layer.take(np.flatnonzero(np.concatenate([[True], kept])))


def _walk_back(
    problem: _Problem, layers: Sequence[tuple[npt.NDArray[np.int32], Indices]], last: int
) -> tuple[int, ...]:
    chosen = [0] * len(layers)
    for number, (parents, options) in zip(reversed(problem.order), reversed(layers), strict=True):
        chosen[number] = int(options[last])
        last = int(parents[last])
    return tuple(chosen)
