"""The multiple-choice knapsack with one weight, exactly, by dynamic programming over weights.

One row for each least sum of costs at exactly each sum of weights: so one table answers every capacity
(Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", 1995, is the problem's classic).
It holds numbers and indices only; what they stand for is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.uint8]

_UNREACHED = 1 << 62
"""More than any sum of costs; with all of them added to it, it still fits 64 bits."""

MOST_OPTIONS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The options of one unit: costs (options,) and weights (constraints, options), none below 0.

    All items' costs together must stay below 2^61.
    """

    costs: Ints
    weights: Ints

    @property
    def span(self) -> int:
        """How far the first weights lie apart."""
        return int(self.weights[0].max() - self.weights[0].min())


class WeightTable:
    """The best choice for `items`, of which the first weight counts, at every capacity up to `most`."""

    def __init__(self, items: Sequence[Item], most: int | None = None) -> None:
        self._items = items
        self._quantum = common_quantum(items)
        # Small spans first: the row stays short until the large units come.
        self._order = sorted(range(len(items)), key=lambda number: (items[number].span, number))
        self._floor = sum(int(item.weights[0].min()) for item in items)
        self._back: list[Indices] = []
        states = count_states(items, most)
        row = np.zeros(1, dtype=np.int64)
        for number in self._order:
            row, back = _add(row, items[number].costs, self._steps(number), states)
            self._back.append(back)
        self._row = row

    @property
    def least_weight(self) -> int:
        return self._floor

    def best(self, capacity: int) -> tuple[int, ...]:
        """An option for each item. Of choices with equal cost it is one with the least weight, and of these
        the one whose later items, in order of span, have the earliest options.

        Raises ValueError where the capacity is below `least_weight`.
        """
        if capacity < self._floor:
            raise ValueError(f"nothing weighs at most {capacity}: the least is {self._floor}")
        reach = min((capacity - self._floor) // self._quantum + 1, len(self._row))
        state = int(np.argmin(self._row[:reach]))
        return self._walk_back(state)

    def _walk_back(self, state: int) -> tuple[int, ...]:
        chosen = [0] * len(self._items)
        for number, back in zip(reversed(self._order), reversed(self._back), strict=True):
            chosen[number] = int(back[state])
            state -= int(self._steps(number)[chosen[number]])
        return tuple(chosen)

    def _steps(self, number: int) -> Ints:
        weights = self._items[number].weights[0]
        steps: Ints = (weights - weights.min()) // self._quantum
        return steps


def common_quantum(items: Sequence[Item]) -> int:
    """The greatest number that divides all differences of first weights; 1 where there is none."""
    differences = [item.weights[0] - item.weights[0].min() for item in items]
    return int(np.gcd.reduce(np.concatenate([*differences, [0]]))) or 1


def count_states(items: Sequence[Item], most: int | None = None) -> int:
    """How long the table's last row becomes, where no capacity above `most` is asked for."""
    reach = sum(item.span for item in items)
    if most is not None:
        reach = min(reach, max(most - sum(int(item.weights[0].min()) for item in items), 0))
    return reach // common_quantum(items) + 1


def _add(row: Ints, costs: Ints, steps: Ints, states: int) -> tuple[Ints, Indices]:
    """The row with one more item, and the option that each of its weights took; at most `states` long."""
    length = min(len(row) + int(steps.max()), states)
    added = np.full(length, _UNREACHED, dtype=np.int64)
    back = np.zeros(length, dtype=np.uint8)
    for option, (cost, step) in enumerate(zip(costs, steps, strict=True)):
        window = slice(int(step), min(int(step) + len(row), length))
        candidate = row[: max(length - int(step), 0)] + cost
        better = candidate < added[window]
        np.copyto(added[window], candidate, where=better)
        back[window][better] = option
    np.minimum(added, _UNREACHED, out=added)
    return added, back
