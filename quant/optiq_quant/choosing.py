"""From what formats cost to the format of each unit: the knapsack, then swaps that are measured.

It puts choosing together, and measures on the text's selecting part alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optiq_quant.allocate import Allocation, allocate
from optiq_quant.budget import Limit
from optiq_quant.calibration_text import CalibrationText, Part
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`formats` of every unit. `improved` is None where no swaps were asked for."""

    formats: Mapping[str, Format]
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
    """Measures whole allocations on the selecting part; all answers are in the journal."""

    def __init__(
        self,
        model: LayerwiseModel,
        inventory: Inventory,
        text: CalibrationText,
        *,
        journal: Journal,
        reporter: Reporter,
    ) -> None:
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

    def divergence(self, formats: Mapping[str, Format]) -> float:
        """Mean KL divergence in nats of the model with these formats, by their nearest codes."""
        changed = {path: form for path, form in formats.items() if form != self._stored[path]}
        found = 0.0
        if changed:
            trial = trial_of(changed)
            found = mean_divergence(self._measurer.measure("measuring swaps", [trial])[trial])
        self._reporter.advance()
        return found


def choose(
    measurements: Measurements, limits: tuple[Limit, ...], part: SelectingPart, *, swaps: int
) -> Chosen:
    """The best allocation by prediction, then at most `swaps` measurements of swaps; 0 leaves them out.

    Raises BudgetTooSmall.
    """
    allocation = allocate(measurements.choices, limits)
    if swaps < 1:
        return Chosen(formats=allocation.formats, allocation=allocation, improved=None)
    part.begin(swaps)
    improved = improve(measurements.choices, limits, allocation.formats, part.divergence, measurements=swaps)
    return Chosen(formats=improved.formats, allocation=allocation, improved=improved)
