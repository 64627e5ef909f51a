"""What a written checkpoint is shown to be worth: on the held-out part of the text, beside other allocations.

The checkpoint is measured as it was written; the others, by their nearest codes, on the same prompts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optiq_quant.baselines import Formats
from optiq_quant.calibration_text import CalibrationText, Part
from optiq_quant.divergence_summary import DivergenceSummary
from optiq_quant.inventory import Inventory
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import MeasuredAllocation
from optiq_quant.measuring import Measurer, mean_divergence
from optiq_quant.pricing import nearest_in
from optiq_quant.progress import Reporter
from optiq_quant.tables import TextTable, nats_text, size_text
from optiq_quant.trials import trial_of


def measure_baselines(
    baselines: Mapping[str, Formats],
    model: LayerwiseModel,
    inventory: Inventory,
    text: CalibrationText,
    *,
    journal: Journal,
    reporter: Reporter,
) -> tuple[MeasuredAllocation, ...]:
    """Each baseline's divergence on the held-out part."""
    measurer = Measurer(
        model,
        inventory.units,
        text.parts[Part.REPORT],
        part=Part.REPORT,
        encode=nearest_in(inventory.dtype),
        journal=journal,
        reporter=reporter,
    )
    stored = inventory.stored_formats()
    trials = {
        name: trial_of({path: form for path, form in formats.items() if form != stored[path]})
        for name, formats in baselines.items()
    }
    found = measurer.measure("measuring baselines", [each for each in trials.values() if each.changes])
    return tuple(
        MeasuredAllocation(
            name=name,
            part=Part.REPORT,
            formats=formats,
            divergence=mean_divergence(found[trials[name]]) if trials[name].changes else 0.0,
        )
        for name, formats in baselines.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`summary` is of the written checkpoint, whose tensors have `bytes`."""

    summary: DivergenceSummary
    bytes: int
    baselines: tuple[MeasuredAllocation, ...]
    origin: str

    def as_json(self, inventory: Inventory) -> dict[str, Any]:
        return {
            "text": self.origin,
            "bytes": self.bytes,
            "divergence": self.summary.as_json(),
            "baselines": [
                {"name": each.name, "bytes": inventory.total_bytes(each.formats), "mean": each.divergence}
                for each in self.baselines
            ],
        }

    def tables(self, inventory: Inventory) -> tuple[TextTable, ...]:
        return self._figures(), self._beside(inventory)

    def _figures(self) -> TextTable:
        summary = self.summary
        interval = ""
        if summary.low is not None and summary.high is not None:
            interval = f" (95 % interval {nats_text(summary.low)} to {nats_text(summary.high)})"
        rows = (
            ("mean", nats_text(summary.mean) + interval),
            ("median", nats_text(summary.median)),
            ("99 % are below", nats_text(summary.p99)),
            ("99.9 % are below", nats_text(summary.p999)),
            ("likeliest token differs", f"{summary.flips:.2%}"),
            ("perplexity, source", f"{summary.reference_perplexity:.4f}"),
            ("perplexity, this checkpoint", f"{summary.candidate_perplexity:.4f}"),
            ("held-out text", f"{summary.prompts} prompts, {summary.tokens} tokens; {self.origin}"),
        )
        return TextTable(
            caption="KL divergence from the source, in nats per token", columns=("figure", "value"), rows=rows
        )

    def _beside(self, inventory: Inventory) -> TextTable:
        others: list[tuple[str, int, float]] = [
            (each.name, inventory.total_bytes(each.formats), each.divergence) for each in self.baselines
        ]
        rows = sorted([("this checkpoint", self.bytes, self.summary.mean), *others], key=lambda row: row[1])
        return TextTable(
            caption="Beside other allocations, on the same text",
            columns=("allocation", "size", "mean KL divergence"),
            rows=tuple((name, size_text(size), nats_text(mean)) for name, size, mean in rows),
        )
