"""How sure a share of right answers is. Pure.

- `wilson`: one share of independent items (Wilson 1927, the score interval).
- `clustered`: one share of items in clusters. The variance between clusters (the linearised "sandwich" with
  its factor G/(G-1)) says how many independent items the sample is worth; Wilson's interval is taken at that
  number (the idea of Korn and Graubard 1998), never at a larger one than there are items.
- `mean_of`: the plain mean of several shares, its interval by the method of variance estimates recovery
  (Newcombe 1998; Zou and Donner 2008): distances to the limits are added in quadrature. Unlike a bootstrap it
  stays honest where a suite is at 0 or 100 %.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The normal distribution's 97.5 % point: all intervals are two-sided at 95 %."""
FEWEST_CLUSTERS = 20
"""With fewer clusters their variance is itself too uncertain, and the sandwich is too narrow (Cameron and
Miller 2015, section VI); so few groups are strata that the benchmark chose, not a sample of clusters."""


class Method(StrEnum):
    """How an interval was made."""

    WILSON = "Wilson"
    CLUSTERED = "Wilson at the effective number of items, by cluster"
    RECOVERED = "variance estimates recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share between 0 and 1 with its 95 % interval. `items` is how many it rests on."""

    value: float
    low: float
    high: float
    items: int
    method: Method


def wilson(passed: int, items: int) -> Estimate:
    """Raises ValueError unless 0 <= passed <= items and there is an item."""
    _check(passed, items)
    low, high = _wilson_limits(passed / items, items)
    return Estimate(value=passed / items, low=low, high=high, items=items, method=Method.WILSON)


def clustered(outcomes: Sequence[tuple[Hashable, bool]]) -> Estimate:
    """The share of (cluster, passed) pairs; by clusters where there are enough of them that hold several."""
    items = len(outcomes)
    passed = sum(outcome for _, outcome in outcomes)
    _check(passed, items)
    sums: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for cluster, outcome in outcomes:
        sums[cluster][0] += outcome
        sums[cluster][1] += 1
    if not FEWEST_CLUSTERS <= len(sums) < items:
        return wilson(passed, items)
    share = passed / items
    effective = items / max(1.0, _design_effect(share, items, [(right, of) for right, of in sums.values()]))
    low, high = _wilson_limits(share, effective)
    return Estimate(value=share, low=low, high=high, items=items, method=Method.CLUSTERED)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of independent estimates. Raises ValueError if there are none."""
    if not estimates:
        raise ValueError("the mean of no estimate")
    mean = math.fsum(each.value for each in estimates) / len(estimates)
    below = math.hypot(*(each.value - each.low for each in estimates)) / len(estimates)
    above = math.hypot(*(each.high - each.value for each in estimates)) / len(estimates)
    return Estimate(
        value=mean,
        low=mean - below,
        high=mean + above,
        items=sum(each.items for each in estimates),
        method=Method.RECOVERED,
    )


def _check(passed: int, items: int) -> None:
    if items < 1 or not 0 <= passed <= items:
        raise ValueError(f"{passed} of {items} is no share")


def _design_effect(share: float, items: int, clusters: Sequence[tuple[int, int]]) -> float:
    """How much larger the variance is than that of independent items."""
    independent = share * (1.0 - share) / items
    if independent == 0.0:
        return 1.0
    count = len(clusters)
    squares = math.fsum((right - share * of) ** 2 for right, of in clusters)
    return squares * count / (count - 1) / items**2 / independent


def _wilson_limits(share: float, items: float) -> tuple[float, float]:
    middle = share + _Z**2 / (2 * items)
    half = _Z * math.sqrt(share * (1 - share) / items + _Z**2 / (4 * items**2))
    scale = 1 + _Z**2 / items
    # Rounding alone can put a limit beyond 0, 1 or the share itself by a bit.
    return max(0.0, min(share, (middle - half) / scale)), min(1.0, max(share, (middle + half) / scale))
