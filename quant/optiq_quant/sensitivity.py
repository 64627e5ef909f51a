"""What each format of each unit costs: few are measured, the others predicted, and the prediction is checked.

1. Each unit is measured in one format, the base.
2. The others are predicted from their weighted errors.
3. A random sample of pairs of unit and format is measured and compared with its prediction. While the rank
   correlation is too low, and rounds are left, each unit is measured in one more format: the one whose error
   is farthest from those measured.
4. Random sets of units, of one layer and across layers, are measured together and compared with the sum of
   their parts: choosing adds divergences up.

It chooses no allocation, and what is measured lies in the measurer's journal.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from optiq_quant.formats import Format, Mode, affine
from optiq_quant.measuring import Measurer, Reading, mean_divergence
from optiq_quant.predict import predict, rank_correlation
from optiq_quant.trials import Trial, trial_of
from optiq_quant.units import Unit

_Key = TypeVar("_Key")

_FIRST_BASES = (affine(4, 64), affine(4, 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityOptions:
    """`checks` pairs are measured to check the prediction, at least `least_rounds` and at most `rounds`
    formats of each unit, and `combinations` sets of units of each kind. The seed draws pairs and sets.

    Where a number is None the number of units decides, so that checking costs less than measuring.
    """

    checks: int | None = None
    least_correlation: float = 0.95
    least_rounds: int = 1
    rounds: int = 3
    combinations: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.least_rounds <= self.rounds:
            raise ValueError(f"rounds are {self.least_rounds} to {self.rounds}; 1 is the least")
        if min(self.checks or 0, self.combinations or 0) < 0:
            raise ValueError("checks and combinations must not be negative")

    def checks_of(self, units: int) -> int:
        return min(24, max(6, 2 * units // 3)) if self.checks is None else self.checks

    def combinations_of(self, units: int) -> int:
        return min(4, max(1, units // 10)) if self.combinations is None else self.combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The formats that a unit may get, beside its own, with the weighted error of each."""

    unit: Unit
    errors: Mapping[Format, float]

    def __post_init__(self) -> None:
        if not self.errors:
            raise ValueError(f"{self.unit.path}: no format is offered")

    @property
    def base(self) -> Format:
        """The format that is measured first."""
        preferred = [form for form in _FIRST_BASES if form in self.errors]
        return preferred[0] if preferred else min(self.errors, key=lambda form: abs(form.bits - 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A pair whose divergence was predicted before it was measured, both in nats."""

    path: str
    format: Format
    predicted: float
    measured: float


class Spread(StrEnum):
    """Which units are changed together."""

    ONE_LAYER = "one layer"
    ACROSS = "across layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Units changed together, in their base formats: what that cost, and the sum of what each cost alone."""

    spread: Spread
    paths: tuple[str, ...]
    measured: float
    summed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivities:
    """`divergences` has every format offered, in nats, by path; `measured` those that were not predicted.
    `correlation` is Spearman's over the last round's checks. `forwards` are full passes over a prompt, those
    of earlier runs included; each unit in each format on each prompt would have taken `exhaustive`."""

    divergences: Mapping[str, Mapping[Format, float]]
    measured: Mapping[str, frozenset[Format]]
    checks: tuple[Check, ...]
    correlation: float
    combinations: tuple[Combination, ...]
    forwards: float
    exhaustive: int

    @property
    def typical_error(self) -> float:
        """The factor by which half of the checked predictions were off, or less: 1.1 means 10 %."""
        factors = sorted(_factor(check.predicted, check.measured) for check in self.checks)
        return factors[len(factors) // 2] if factors else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    correlation: float
    checks: tuple[Check, ...]


class _Prices:
    """All that was measured so far, as the prediction needs it."""

    def __init__(self, measurer: Measurer, offers: Sequence[Offer]) -> None:
        self._measurer = measurer
        self._offers = {offer.unit.path: offer for offer in offers}
        self._readings: dict[Trial, list[Reading]] = {}
        self.measured: dict[str, dict[Format, float]] = {path: {} for path in self._offers}

    def measure(self, phase: str, pairs: Sequence[tuple[str, Format]]) -> None:
        trials = {pair: trial_of({pair[0]: pair[1]}) for pair in pairs}
        for (path, form), readings in self._run(phase, trials).items():
            self.measured[path][form] = mean_divergence(readings)

    def measure_sets(self, phase: str, sets: Sequence[tuple[str, ...]]) -> list[float]:
        trials = {paths: trial_of({path: self._offers[path].base for path in paths}) for paths in sets}
        found = self._run(phase, trials)
        return [mean_divergence(found[paths]) for paths in sets]

    def predicted(self, path: str, form: Format) -> float:
        return predict(self.measured[path], self._offers[path].errors, form)

    def unmeasured(self) -> list[tuple[str, Format]]:
        return [
            (path, form)
            for path, offer in self._offers.items()
            for form in offer.errors
            if form not in self.measured[path]
        ]

    def farthest(self, path: str) -> Format | None:
        """The format whose error is farthest from those that were measured, by their ratio."""
        errors, measured = self._offers[path].errors, self.measured[path]
        left = [
            form
            for form in errors
            if form not in measured and errors[form] > 0 and form.mode is not Mode.DENSE
        ]
        known = [errors[form] for form in measured if errors[form] > 0]
        if not left or not known:
            return left[0] if left else None
        return max(left, key=lambda form: min(abs(math.log(errors[form] / each)) for each in known))

    def forwards(self) -> float:
        return math.fsum(reading.forwards for each in self._readings.values() for reading in each)

    def _run(self, phase: str, trials: Mapping[_Key, Trial]) -> dict[_Key, list[Reading]]:
        found = self._measurer.measure(phase, list(trials.values()))
        self._readings |= found
        return {key: found[trial] for key, trial in trials.items()}


def measure_sensitivities(
    measurer: Measurer, offers: Sequence[Offer], options: SensitivityOptions
) -> Sensitivities:
    """Measure, predict and check, as above; of at least one unit. The same journal gives the same result."""
    if not offers:
        raise ValueError("there is no unit to measure")
    prices = _Prices(measurer, offers)
    draw = random.Random(options.seed)
    prices.measure("measuring units", [(offer.unit.path, offer.base) for offer in offers])
    for number in range(2, options.least_rounds + 1):
        _measure_more(prices, offers, number)
    checks = options.checks_of(len(offers))
    checked = _check(prices, draw, checks)
    for number in range(options.least_rounds + 1, options.rounds + 1):
        if checked.correlation >= options.least_correlation:
            break
        _measure_more(prices, offers, number)
        checked = _check(prices, draw, checks)
    combinations = _combine(prices, offers, draw, options.combinations_of(len(offers)))
    return Sensitivities(
        divergences={
            offer.unit.path: {form: prices.predicted(offer.unit.path, form) for form in offer.errors}
            for offer in offers
        },
        measured={path: frozenset(forms) for path, forms in prices.measured.items()},
        checks=checked.checks,
        correlation=checked.correlation,
        combinations=tuple(combinations),
        forwards=prices.forwards(),
        exhaustive=sum(len(offer.errors) for offer in offers) * len(measurer.prompts),
    )


def _measure_more(prices: _Prices, offers: Sequence[Offer], number: int) -> None:
    more = [(offer.unit.path, prices.farthest(offer.unit.path)) for offer in offers]
    pairs = [(path, form) for path, form in more if form is not None]
    prices.measure(f"measuring format {number} of each unit", pairs)


def _check(prices: _Prices, draw: random.Random, count: int) -> _Checked:
    """What is checked is measured afterwards: it makes the prediction better where it was checked."""
    left = prices.unmeasured()
    pairs = draw.sample(left, min(count, len(left)))
    predicted = [prices.predicted(path, form) for path, form in pairs]
    prices.measure("checking predictions", pairs)
    measured = [prices.measured[path][form] for path, form in pairs]
    checks = tuple(
        Check(path=path, format=form, predicted=before, measured=after)
        for (path, form), before, after in zip(pairs, predicted, measured, strict=True)
    )
    correlation = rank_correlation(predicted, measured) if checks else 1.0
    return _Checked(correlation=correlation, checks=checks)


def _combine(prices: _Prices, offers: Sequence[Offer], draw: random.Random, count: int) -> list[Combination]:
    """Sets across layers are as large as those of one."""
    layers: dict[int, list[str]] = {}
    for offer in offers:
        if offer.unit.layer is not None:
            layers.setdefault(offer.unit.layer, []).append(offer.unit.path)
    if len(layers) < 2:
        return []
    sets: list[tuple[Spread, tuple[str, ...]]] = []
    for layer in draw.sample(sorted(layers), min(count, len(layers))):
        size = min(len(layers[layer]), len(layers))
        across = [draw.choice(layers[each]) for each in draw.sample(sorted(layers), size)]
        sets += [(Spread.ONE_LAYER, tuple(layers[layer])), (Spread.ACROSS, tuple(sorted(across)))]
    measured = prices.measure_sets("checking sums", [paths for _, paths in sets])
    bases = {offer.unit.path: offer.base for offer in offers}
    return [
        Combination(
            spread=spread,
            paths=paths,
            measured=value,
            summed=math.fsum(prices.measured[path][bases[path]] for path in paths),
        )
        for (spread, paths), value in zip(sets, measured, strict=True)
    ]


def _factor(first: float, second: float) -> float:
    low, high = sorted((first, second))
    return high / low if low > 0 else math.inf
