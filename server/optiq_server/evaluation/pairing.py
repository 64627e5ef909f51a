"""Two models on the same items: is one better? Pure; the bootstrap is seeded.

Per suite the exact McNemar test (two-sided binomial over the items on which they differ) and a paired
bootstrap of the difference; for the mean of the suites a bootstrap that is stratified by suite. Where a suite
has enough clusters (`statistics.FEWEST_CLUSTERS`), whole clusters are drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq_server.evaluation.statistics import FEWEST_CLUSTERS

_DRAWS = 10_000
_LOW, _HIGH = 2.5, 97.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One item, answered in both runs."""

    cluster: str
    first: bool
    second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Second minus first, as shares, with the bootstrap's 95 % interval.

    `only_first` and `only_second` count the items that one alone passed; `p_value` is McNemar's, None where
    several suites are averaged.
    """

    value: float
    low: float
    high: float
    items: int
    only_first: int
    only_second: int
    p_value: float | None


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The two-sided p-value of so lopsided a split of the items on which two models differ."""
    differing = only_first + only_second
    fewer = min(only_first, only_second)
    # In whole numbers, because 2 ** -differing underflows where two models differ on thousands of items.
    tail = ways = 1
    for number in range(fewer):
        ways = ways * (differing - number) // (number + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << differing))


def difference(pairs: Sequence[Pair], *, seed: int) -> Difference:
    """Raises ValueError if there is no pair."""
    draws = _draws(pairs, np.random.default_rng(seed))
    only_first, only_second = _discordant(pairs)
    return _difference(pairs, draws, _value(pairs), mcnemar_exact(only_first, only_second))


def mean_difference(suites: Mapping[str, Sequence[Pair]], *, seed: int) -> Difference:
    """The difference of the plain means over `suites`. Raises ValueError if there is none."""
    if not suites:
        raise ValueError("no suite to compare")
    generator = np.random.default_rng(seed)
    names = sorted(suites)
    draws = np.mean([_draws(suites[name], generator) for name in names], axis=0)
    value = sum(_value(suites[name]) for name in names) / len(names)
    every = [pair for name in names for pair in suites[name]]
    return _difference(every, draws, value, None)


def _difference(
    pairs: Sequence[Pair], draws: npt.NDArray[np.float64], value: float, p_value: float | None
) -> Difference:
    low, high = np.percentile(draws, (_LOW, _HIGH))
    only_first, only_second = _discordant(pairs)
    return Difference(
        value=value,
        low=float(low),
        high=float(high),
        items=len(pairs),
        only_first=only_first,
        only_second=only_second,
        p_value=p_value,
    )


def _discordant(pairs: Sequence[Pair]) -> tuple[int, int]:
    return (
        sum(pair.first and not pair.second for pair in pairs),
        sum(pair.second and not pair.first for pair in pairs),
    )


def _value(pairs: Sequence[Pair]) -> float:
    only_first, only_second = _discordant(pairs)
    return (only_second - only_first) / len(pairs)


def _draws(pairs: Sequence[Pair], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """The difference in each of the bootstrap's samples."""
    if not pairs:
        raise ValueError("no item was answered in both runs")
    sums, sizes = _units(pairs)
    totals = np.zeros(_DRAWS)
    counts = np.zeros(_DRAWS)
    for start in range(0, _DRAWS, 100):
        chosen = generator.integers(0, len(sums), size=(100, len(sums)))
        totals[start : start + 100] = sums[chosen].sum(axis=1)
        counts[start : start + 100] = sizes[chosen].sum(axis=1)
    return totals / counts


def _units(pairs: Sequence[Pair]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What is drawn: each unit's sum of differences, and its number of items."""
    clusters: dict[str, list[int]] = {}
    for pair in pairs:
        unit = clusters.setdefault(pair.cluster, [0, 0])
        unit[0] += int(pair.second) - int(pair.first)
        unit[1] += 1
    if FEWEST_CLUSTERS <= len(clusters) < len(pairs):
        table = np.array(list(clusters.values()), dtype=np.float64)
        return table[:, 0], table[:, 1]
    return np.array([int(pair.second) - int(pair.first) for pair in pairs], dtype=np.float64), np.ones(
        len(pairs)
    )
