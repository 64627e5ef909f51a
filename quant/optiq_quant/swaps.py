"""Measured swaps: an allocation is changed a little, measured as a whole, and kept where it got better.

Predictions add up units as if they did nothing to each other; this is where the sum is put to the test. What
measures is the caller's, and may answer from a journal: the same answers lead to the same trials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optiq_quant.allocate import Problem, pose
from optiq_quant.beliefs import Beliefs
from optiq_quant.budget import Limit
from optiq_quant.costs import Choices
from optiq_quant.formats import Format
from optiq_quant.proposals import Swap, propose

Measure = Callable[[Mapping[str, Format]], float]
"""The mean KL divergence (nats) of a whole allocation, on the selecting part of the text."""

Key = frozenset[tuple[str, Format]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One measured swap: the formats by path before and after, the divergence expected and measured."""

    before: Mapping[str, Format]
    after: Mapping[str, Format]
    expected: float
    measured: float
    accepted: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": {path: [self.before[path].name, form.name] for path, form in self.after.items()},
            "expected": self.expected,
            "measured": self.measured,
            "accepted": self.accepted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Improved:
    """`start` and `divergence` are measured, before and after. `exhausted` tells that no promising swap was
    left; else the number of measurements ended it."""

    formats: Mapping[str, Format]
    start: float
    divergence: float
    trials: tuple[Trial, ...]
    exhausted: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "divergence": self.divergence,
            "exhausted": self.exhausted,
            "trials": [trial.as_json() for trial in self.trials],
        }


def improve(
    choices: Sequence[Choices],
    limits: Sequence[Limit],
    start: Mapping[str, Format],
    measure: Measure,
    *,
    measurements: int,
    spread: float = 0.2,
) -> Improved:
    """Swap from `start`, which keeps the limits, with at most `measurements` calls of `measure`, of which the
    first is for `start` itself. A swap is kept only where what was measured falls.

    `spread` is by what share predictions are usually off. Raises ValueError for less than one measurement.
    """
    if measurements < 1:
        raise ValueError(f"swaps: must be at least 1 measurement; it is {measurements}")
    problem, beliefs = pose(choices, limits), Beliefs(len(choices), spread)
    current = dict(start)
    best = first = measure(current)
    tried, trials = {_key(current)}, list[Trial]()
    while True:
        swap = _next_swap(problem, current, beliefs, tried)
        if swap is None or len(trials) + 1 >= measurements:
            break
        candidate = {**current, **swap.formats}
        tried.add(_key(candidate))
        measured = measure(candidate)
        beliefs.learn(swap.changes, measured - best)
        trials.append(
            Trial(
                before={path: current[path] for path in swap.formats},
                after=swap.formats,
                expected=best - swap.gain,
                measured=measured,
                accepted=measured < best,
            )
        )
        if measured < best:
            current, best = candidate, measured
    return Improved(
        formats=current, start=first, divergence=best, trials=tuple(trials), exhausted=swap is None
    )


def _next_swap(
    problem: Problem, current: Mapping[str, Format], beliefs: Beliefs, tried: set[Key]
) -> Swap | None:
    """The most promising swap that leads to an allocation which was not measured yet."""
    for swap in propose(problem, current, beliefs):
        if _key({**current, **swap.formats}) not in tried:
            return swap
    return None


def _key(formats: Mapping[str, Format]) -> Key:
    return frozenset(formats.items())
