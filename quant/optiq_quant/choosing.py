"""From what formats cost to the format of each unit: the knapsack, then swaps that are measured.

It puts choosing together, and measures on the text's selecting part alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from optiq_quant.allocate import Allocation, allocate
from optiq_quant.budget import Limit
from optiq_quant.calibration_text import CalibrationText, Part
from optiq_quant.coding_gain import CodingGains
from optiq_quant.formats import Format
from optiq_quant.inventory import Inventory
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import Measurements
from optiq_quant.measuring import Measurer, mean_divergence
from optiq_quant.pricing import nearest_in
from optiq_quant.progress import Reporter, SilentReporter
from optiq_quant.swaps import Improved, improve
from optiq_quant.trials import trial_of

Formats: TypeAlias = Mapping[str, Format]

_LEAST_SPREAD, _MOST_SPREAD = 0.2, 2.0
"""What was right on one text is off by the least on another; the most is as good as no knowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`formats` of every unit. `improved` is None where no swaps were asked for."""

    formats: Formats
    allocation: Allocation
    improved: Improved | None

    def as_json(self) -> dict[str, Any]:
        """What the plan tells of how it was chosen."""
        told: dict[str, Any] = {
            "predicted_divergence": self.allocation.divergence,
            "proven_best": self.allocation.is_proven_best,
            "gap": self.allocation.gap,
        }
        if self.improved is not None:
            told["swaps"] = self.improved.as_json()
        return told


class SelectingPart:
    """Measures whole allocations on the selecting part; all answers are in the journal.

    They are measured with the nearest codes, and taken times the share that searching is expected to leave.
    """

    def __init__(
        self,
        model: LayerwiseModel,
        inventory: Inventory,
        text: CalibrationText,
        *,
        share_left: Callable[[Formats], float],
        journal: Journal,
        reporter: Reporter,
    ) -> None:
        self._share_left = share_left
        self._stored = inventory.stored_formats()
        self._measurer = Measurer(
            model,
            inventory.units,
            text.parts[Part.SELECT],
            part=Part.SELECT,
            encode=nearest_in(inventory.dtype),
            journal=journal,
            # One allocation is one step: how many prompts it takes would begin anew with each.
            reporter=SilentReporter(),
        )
        self._reporter = reporter

    def begin(self, allocations: int) -> None:
        """So many will be measured at most."""
        self._reporter.begin("measuring swaps", allocations)

    def divergence(self, formats: Formats) -> float:
        """Mean KL divergence in nats of the model with these formats."""
        changed = {path: form for path, form in formats.items() if form != self._stored[path]}
        found = 0.0
        if changed:
            trial = trial_of(changed)
            found = mean_divergence(self._measurer.measure("measuring swaps", [trial])[trial])
        self._reporter.advance()
        return found * self._share_left(formats)


def share_left(measurements: Measurements, gains: CodingGains, formats: Formats) -> float:
    """What searching leaves of an allocation's divergence, each unit's share weighing as its price does."""
    searched = nearest = 0.0
    for costs in measurements.units:
        option = costs.option(formats[costs.unit.path])
        if option is not None:
            searched += option.divergence
            nearest += option.divergence / gains.of(costs.unit, option.format)
    return searched / nearest if nearest > 0 else 1.0


def choose(
    measurements: Measurements,
    limits: tuple[Limit, ...],
    part: SelectingPart,
    *,
    swaps: int,
    spread: float = _LEAST_SPREAD,
) -> Chosen:
    """The best allocation by prediction, then at most `swaps` measurements of swaps; 0 leaves them out.
    `spread` is by what share predictions are usually off.

    Raises BudgetTooSmall.
    """
    allocation = allocate(measurements.choices, limits)
    if swaps < 1:
        return Chosen(formats=allocation.formats, allocation=allocation, improved=None)
    part.begin(swaps)
    improved = improve(
        measurements.choices,
        limits,
        allocation.formats,
        part.divergence,
        measurements=swaps,
        spread=min(max(spread, _LEAST_SPREAD), _MOST_SPREAD),
    )
    return Chosen(formats=improved.formats, allocation=allocation, improved=improved)
