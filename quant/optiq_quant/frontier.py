"""The least divergence for each size of a checkpoint, and where the baselines lie. Nothing is measured here.

Pure: from stored measurements to numbers, which `frontier_plot` draws.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optiq_quant.allocate import Allocation, allocate, allocation_of, has_a_table, pose
from optiq_quant.baselines import standard_baselines
from optiq_quant.budget import Limit, Quantity, all_parameters
from optiq_quant.costs import Choices
from optiq_quant.formats import Format
from optiq_quant.knapsack import WeightTable
from optiq_quant.measurements import MeasuredAllocation, Measurements

_MOST_EXPENSIVE_POINTS = 16
"""Where there is no table, each point is a search of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The best allocation of at most some size. `bytes` are all weights of the checkpoint; `divergence` is
    the sum of what was measured and predicted for each unit, `gap` how far off the best it may be."""

    bytes: int
    bits_per_weight: float
    divergence: float
    gap: float
    formats: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "bytes": self.bytes,
            "bits_per_weight": self.bits_per_weight,
            "divergence": self.divergence,
            "gap": self.gap,
            "formats": dict(self.formats),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A named allocation. `predicted` is the sum over its units, None where one of its formats was not
    priced; `measured` the divergence of the whole, with its interval, None where nobody measured it."""

    name: str
    bytes: int
    bits_per_weight: float
    predicted: float | None
    measured: MeasuredAllocation | None

    def as_json(self) -> dict[str, Any]:
        measured = self.measured
        return {
            "name": self.name,
            "bytes": self.bytes,
            "bits_per_weight": self.bits_per_weight,
            "predicted": self.predicted,
            "measured": None
            if measured is None
            else {
                "divergence": measured.divergence,
                "low": measured.low,
                "high": measured.high,
                "part": measured.part,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """Points by rising size and falling divergence; baselines and other named allocations by size."""

    source: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "points": [point.as_json() for point in self.points],
            "marks": [mark.as_json() for mark in self.marks],
        }


def find_frontier(measurements: Measurements, points: int = 100) -> Frontier:
    """The frontier at up to `points` sizes between the smallest and the largest, and all that has a name:
    the baselines, and what was measured. Raises ValueError for fewer than two points."""
    if points < 2:
        raise ValueError(f"points: must be at least 2; it is {points}")
    return Frontier(
        source=measurements.source,
        points=_points(measurements, points),
        marks=_marks(measurements),
    )


def _points(measurements: Measurements, count: int) -> tuple[Point, ...]:
    choices = measurements.choices
    solve, is_cheap = _solver(choices)
    least = sum(min(option.bytes for option in each.options) for each in choices)
    most = sum(max(option.bytes for option in each.options) for each in choices)
    steps = (count if is_cheap else min(count, _MOST_EXPENSIVE_POINTS)) - 1
    found: list[Point] = []
    for step in range(steps + 1):
        point = _point(measurements, solve(least + (most - least) * step // steps))
        # A larger size that nothing gains by is no point of its own.
        if not found or point.divergence < found[-1].divergence:
            found.append(point)
    return tuple(found)


def _solver(choices: Sequence[Choices]) -> tuple[Callable[[int], Allocation], bool]:
    """The best allocation by bytes of units, and whether one table answers for all sizes."""
    problem = pose(choices, [_bytes(0)])
    if not has_a_table(problem):
        return lambda most: allocate(choices, [_bytes(most)]), False
    table = WeightTable(problem.items)
    return lambda most: problem.allocation(table.best(most)), True


def _bytes(most: int) -> Limit:
    return Limit(quantity=Quantity.BYTES, most=most)


def _point(measurements: Measurements, allocation: Allocation) -> Point:
    total = allocation.bytes + measurements.remainder.bytes
    counted = Counter(form.name for form in allocation.formats.values())
    return Point(
        bytes=total,
        bits_per_weight=_bits_per_weight(measurements, total),
        divergence=allocation.divergence,
        gap=allocation.gap,
        formats=dict(sorted(counted.items())),
    )


def _marks(measurements: Measurements) -> tuple[Mark, ...]:
    baselines = standard_baselines([each.unit for each in measurements.units])
    measured = {_key(each.formats): each for each in measurements.allocations}
    marks = [
        _mark(measurements, name, formats, measured.get(_key(formats))) for name, formats in baselines.items()
    ]
    known = {_key(formats) for formats in baselines.values()}
    marks += [
        _mark(measurements, each.name, each.formats, each)
        for key, each in measured.items()
        if key not in known
    ]
    return tuple(sorted(marks, key=lambda mark: (mark.bytes, mark.name)))


def _mark(
    measurements: Measurements, name: str, formats: Mapping[str, Format], measured: MeasuredAllocation | None
) -> Mark:
    units = sum(each.unit.bytes(formats[each.unit.path]) for each in measurements.units)
    total = units + measurements.remainder.bytes
    return Mark(
        name=name,
        bytes=total,
        bits_per_weight=_bits_per_weight(measurements, total),
        predicted=_predicted(measurements, formats),
        measured=measured,
    )


def _predicted(measurements: Measurements, formats: Mapping[str, Format]) -> float | None:
    options = {each.unit.path: each.option(formats[each.unit.path]) for each in measurements.units}
    priced = {path: option for path, option in options.items() if option is not None}
    if all(each.unit.stored == formats[each.unit.path] for each in measurements.units):
        return 0.0
    return allocation_of(priced).divergence if len(priced) == len(options) else None


def _bits_per_weight(measurements: Measurements, total: int) -> float:
    parameters = all_parameters([each.unit for each in measurements.units], measurements.remainder)
    return 8 * total / parameters


def _key(formats: Mapping[str, Format]) -> frozenset[tuple[str, Format]]:
    return frozenset(formats.items())
