"""What measuring sensitivities showed, for people and for a plan's evidence. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from optiq_quant.sensitivity import Combination, Sensitivities, Spread
from optiq_quant.tables import TextTable


def sensitivity_table(found: Sensitivities) -> TextTable:
    """How much was measured, and how good the predictions and sums are."""
    offered = sum(map(len, found.divergences.values()))
    measured = sum(map(len, found.measured.values()))
    rows = [
        ("units", str(len(found.divergences))),
        ("pairs of unit and format", str(offered)),
        ("of these measured", str(measured)),
        ("passes over a prompt", f"{found.forwards:.0f}"),
        ("fewer than for every pair by the factor", f"{found.exhaustive / found.forwards:.1f}"),
        ("rank correlation of predicted and measured", f"{found.correlation:.4f}"),
        ("half of the predictions are within a factor of", f"{found.typical_error:.3f}"),
    ]
    for spread in Spread:
        ratio = sum_ratio(found.combinations, spread)
        if ratio is not None:
            rows.append((f"measured over summed, {spread.value}", f"{ratio:.3f}"))
    return TextTable(caption="Sensitivities", columns=("figure", "value"), rows=tuple(rows))


def sensitivity_evidence(found: Sensitivities) -> dict[str, Any]:
    """As JSON."""
    return {
        "units": len(found.divergences),
        "pairs": sum(map(len, found.divergences.values())),
        "measured_pairs": sum(map(len, found.measured.values())),
        "forwards": found.forwards,
        "exhaustive_forwards": found.exhaustive,
        "rank_correlation": found.correlation,
        "typical_factor": found.typical_error if math.isfinite(found.typical_error) else None,
        "checks": [
            {
                "path": check.path,
                "format": check.format.name,
                "predicted": check.predicted,
                "measured": check.measured,
            }
            for check in found.checks
        ],
        "combinations": [
            {
                "spread": each.spread.value,
                "paths": list(each.paths),
                "measured": each.measured,
                "summed": each.summed,
            }
            for each in found.combinations
        ],
    }


def sum_ratio(combinations: Sequence[Combination], spread: Spread) -> float | None:
    """What sets of units cost together over the sum of what each costs alone, as a geometric mean; None where
    no set was measured."""
    ratios = [
        math.log(each.measured / each.summed)
        for each in combinations
        if each.spread is spread and each.measured > 0 and each.summed > 0
    ]
    return math.exp(math.fsum(ratios) / len(ratios)) if ratios else None
