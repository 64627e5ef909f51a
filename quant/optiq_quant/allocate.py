"""Which format each unit gets: the least summed divergence within the limits. Exact, or it says how far off.

One limit is solved over all sums of weights (`knapsack`), several by branch and bound (`branching`). Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from optiq_quant.branching import search
from optiq_quant.budget import Limit
from optiq_quant.costs import Choices, Option
from optiq_quant.errors import BudgetTooSmall
from optiq_quant.formats import Format
from optiq_quant.knapsack import MOST_OPTIONS, Item, WeightTable, count_states

_COST_BITS = 60
"""Divergences are compared as integers: whole multiples of 2^-60 of the largest sum. So sums do not depend on
their order, and ties are ties."""

_MOST_CELLS = 400_000_000
"""Of a table, a byte each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A format for each unit. `bytes` and `decode_bytes` are the units' alone; `divergence` is the sum of the
    options' (nats). No allocation within the limits has less than `divergence - gap`: 0 proves it the best.
    """

    formats: Mapping[str, Format]
    bytes: int
    decode_bytes: int
    divergence: float
    gap: float = 0.0

    @property
    def is_proven_best(self) -> bool:
        return self.gap == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Choices without the options that no best allocation needs, and as numbers. `kept` has, for each unit,
    the indices of its options that are left; `step` is the divergence that one unit of cost stands for."""

    choices: Sequence[Choices]
    limits: Sequence[Limit]
    items: tuple[Item, ...]
    kept: tuple[tuple[int, ...], ...]
    step: float

    def allocation(self, chosen: Sequence[int], gap: int = 0) -> Allocation:
        """`chosen` has an index into `kept` for each unit."""
        options = {
            each.path: each.options[kept[index]]
            for each, kept, index in zip(self.choices, self.kept, chosen, strict=True)
        }
        return allocation_of(options, gap=gap * self.step)


def allocate(choices: Sequence[Choices], limits: Sequence[Limit]) -> Allocation:
    """The allocation with the least summed divergence that keeps all limits, of which there is at least one.

    Of allocations with equal divergence it takes one with the least of the first limit's quantity; the same
    choices, in the same order, give the same allocation. A larger limit never gives a higher divergence.
    Raises BudgetTooSmall where nothing keeps the limits.
    """
    problem = pose(choices, limits)
    _require_each(problem)
    most = [limit.most for limit in limits]
    if len(limits) == 1 and has_a_table(problem, most[0]):
        return problem.allocation(WeightTable(problem.items, most[0]).best(most[0]))
    found = search(problem.items, most, _start(problem))
    return problem.allocation(found.chosen, gap=found.gap)


def pose(choices: Sequence[Choices], limits: Sequence[Limit]) -> Problem:
    """The problem as numbers. Raises ValueError for a divergence that is no number."""
    if not choices or not limits:
        raise ValueError("an allocation needs a unit, and a limit")
    for each in choices:
        for option in each.options:
            if not math.isfinite(option.divergence):
                raise ValueError(f"{each.path}: {option.format.name} has divergence {option.divergence}")
        if len(each.options) > MOST_OPTIONS:
            raise ValueError(f"{each.path}: has more than {MOST_OPTIONS} options")
    exponent = _exponent(choices)
    items, kept = zip(*(_item(each, limits, exponent) for each in choices), strict=True)
    return Problem(choices=choices, limits=limits, items=items, kept=kept, step=math.ldexp(1.0, -exponent))


def has_a_table(problem: Problem, most: int | None = None) -> bool:
    """Whether a table of all sums of weights up to `most` is small enough."""
    return count_states(problem.items, most) * len(problem.items) <= _MOST_CELLS


def allocation_of(options: Mapping[str, Option], gap: float = 0.0) -> Allocation:
    """The allocation that has the given option for each path."""
    return Allocation(
        formats={path: option.format for path, option in options.items()},
        bytes=sum(option.bytes for option in options.values()),
        decode_bytes=sum(option.decode_bytes for option in options.values()),
        divergence=math.fsum(option.divergence for option in options.values()),
        gap=gap,
    )


def _exponent(choices: Sequence[Choices]) -> int:
    """Divergences times two to this power are the costs."""
    spans = [
        max(option.divergence for option in each.options) - min(option.divergence for option in each.options)
        for each in choices
    ]
    total = math.fsum(spans)
    return _COST_BITS - math.frexp(total)[1] if total > 0 else 0


def _item(choices: Choices, limits: Sequence[Limit], exponent: int) -> tuple[Item, tuple[int, ...]]:
    factor = Fraction(2) ** exponent
    costs = [round(Fraction(option.divergence) * factor) for option in choices.options]
    weights = [tuple(limit.weight(choices.path, option) for limit in limits) for option in choices.options]
    kept = _undominated(costs, weights)
    least = min(costs)
    item = Item(
        costs=np.array([costs[index] - least for index in kept], dtype=np.int64),
        weights=np.array([weights[index] for index in kept], dtype=np.int64).T,
    )
    return item, kept


def _undominated(costs: Sequence[int], weights: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The options that no other one equals or undercuts in everything; of equal ones the first."""
    values = [(cost, *weight) for cost, weight in zip(costs, weights, strict=True)]

    def is_needless(index: int) -> bool:
        return any(
            all(other <= own for other, own in zip(values[rival], values[index], strict=True))
            and (values[rival] != values[index] or rival < index)
            for rival in range(len(values))
        )

    return tuple(index for index in range(len(values)) if not is_needless(index))


def _require_each(problem: Problem) -> None:
    """Raise BudgetTooSmall where one limit alone cannot be kept."""
    for number, limit in enumerate(problem.limits):
        least = sum(int(item.weights[number].min()) for item in problem.items)
        if least > limit.most:
            raise BudgetTooSmall(asked=limit.told(limit.most), needed=limit.told(least))


def _start(problem: Problem) -> tuple[int, ...]:
    """A choice that keeps all limits. Raises BudgetTooSmall where there is none."""
    lightest = tuple(int(np.lexsort(item.weights[::-1])[0]) for item in problem.items)
    if _keeps(problem, lightest):
        return lightest
    # The limits work against each other: take the least of the first that the others leave.
    others = [
        Item(costs=item.weights[0] - item.weights[0].min(), weights=item.weights[1:])
        for item in problem.items
    ]
    least_of_second = tuple(int(np.lexsort((*other.weights[::-1],))[0]) for other in others)
    found = search(others, [limit.most for limit in problem.limits[1:]], least_of_second)
    if not _keeps(problem, found.chosen):
        needed = sum(
            int(item.weights[0][option]) for item, option in zip(problem.items, found.chosen, strict=True)
        )
        raise BudgetTooSmall(
            asked=problem.limits[0].told(problem.limits[0].most), needed=problem.limits[0].told(needed)
        )
    return found.chosen


def _keeps(problem: Problem, chosen: Sequence[int]) -> bool:
    pairs = list(zip(problem.items, chosen, strict=True))
    return all(
        sum(int(item.weights[number][option]) for item, option in pairs) <= limit.most
        for number, limit in enumerate(problem.limits)
    )
