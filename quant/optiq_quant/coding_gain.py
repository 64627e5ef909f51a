"""What searching for better codes leaves of a unit's error: prices are measured with the nearest codes.

That differs by role: of SmolLM2's attention an eighth is left, of its feed-forward layers a fourth; of an
embedding that is no head, four fifths; in formats that are not affine, all. Without it a knapsack would spend
bits where the search is going to find them. It is estimated on some rows of some units of each role, at a
few numbers of bits, as the share of tr(dW M dW^T) that is left.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.activations import record_inputs
from optiq_quant.coding import coded_matrices
from optiq_quant.formats import Format, Mode, affine
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measuring import prompts_name
from optiq_quant.modules import is_embedding, is_expert, unit_modules, weight_shape
from optiq_quant.plan import Coding
from optiq_quant.progress import Reporter
from optiq_quant.statistics import InputStatistics
from optiq_quant.units import Role, Unit

_BITS = (3, 4, 6)

_UNITS = 2
"""Of each role."""

_ROWS = 512
_EXPERT_ROWS = 32
"""Of each unit, and of each expert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodingGains:
    """The share of its divergence that a unit keeps once its codes are searched, by role and bits; 1 where
    none is told."""

    shares: Mapping[Role, Mapping[int, float]] = field(default_factory=dict)

    def of(self, unit: Unit, form: Format) -> float:
        """In an affine format, at the number of bits tried that is nearest; the search leaves others as they
        are."""
        tried = self.shares.get(unit.role)
        if not tried or form.mode is not Mode.AFFINE:
            return 1.0
        return tried[min(tried, key=lambda bits: (abs(bits - form.bits), bits))]

    def as_json(self) -> dict[str, dict[str, float]]:
        return {
            role.value: {str(bits): share for bits, share in sorted(tried.items())}
            for role, tried in sorted(self.shares.items())
        }

    @classmethod
    def mean(cls, found: Sequence[tuple[Unit, int, float]]) -> Self:
        """The geometric mean over the units of each role."""
        logs: dict[Role, dict[int, list[float]]] = {}
        for unit, bits, share in found:
            logs.setdefault(unit.role, {}).setdefault(bits, []).append(math.log(max(share, 1e-6)))
        return cls(
            shares={
                role: {bits: math.exp(math.fsum(each) / len(each)) for bits, each in tried.items()}
                for role, tried in logs.items()
            }
        )


def estimate_gains(
    model: LayerwiseModel,
    units: Sequence[Unit],
    prompts: Sequence[Sequence[int]],
    ways: Collection[Coding],
    stored: mx.Dtype,
    *,
    journal: Journal,
    reporter: Reporter,
) -> CodingGains:
    """Of some of the `units`; one pass over the prompts, unless the journal has all that is needed. `ways`
    are those in which codes will be searched, `stored` is the float of their scales."""
    searched = [way for way in Coding if way in ways and way not in (Coding.KEPT, Coding.NEAREST)]
    if not searched:
        return CodingGains()
    part = f"gain {' '.join(searched)} {prompts_name(prompts)}"
    keys = {(unit, form): f"{part} {unit.path}={form.name}" for unit, form in _sample(units)}
    missing = [pair for pair, key in keys.items() if key not in journal]
    if missing:
        modules = unit_modules(model.model)
        paths = {unit.path for unit, _ in missing}
        # Each expert has a moment of its own: a gigabyte of them in one layer of gpt-oss-20b.
        moments = {unit.path for unit, _ in missing if not unit.role.is_expert}
        statistics = record_inputs(model, prompts, reporter, paths=paths, moments=moments)
        reporter.begin("trying codes", len(missing))
        for unit, form in missing:
            seen = statistics.get(unit.path)
            share = share_left(modules[unit.path], form, searched, seen, stored)
            journal.add({keys[unit, form]: {"share": share}})
            reporter.advance()
    return CodingGains.mean([(unit, form.bits, journal[key]["share"]) for (unit, form), key in keys.items()])


def share_left(
    module: Module,
    form: Format,
    ways: Sequence[Coding],
    statistics: InputStatistics | None,
    stored: mx.Dtype,
) -> float:
    """The least share of the nearest codes' error that one of the `ways` leaves, on some of the rows; 1 at
    most."""
    rows = weight_shape(module)[-2]
    count = min(rows, _EXPERT_ROWS if is_expert(module) else _ROWS)
    chosen = mx.array([index * rows // count for index in range(count)])
    if is_embedding(module) and (statistics is None or statistics.weighs_rows):
        # How often a row is read weighs none of its errors against another of its own.
        statistics = None
    nearest = _error(module, form, Coding.NEAREST, statistics, stored, chosen)
    if nearest <= 0:
        return 1.0
    errors = [_error(module, form, way, statistics, stored, chosen) for way in ways]
    return min(1.0, *(error / nearest for error in errors))


def _error(
    module: Module,
    form: Format,
    way: Coding,
    statistics: InputStatistics | None,
    stored: mx.Dtype,
    rows: mx.array,
) -> float:
    total = 0.0
    for weights, encoded, seen in coded_matrices(module, form, way, statistics, stored, rows=rows):
        difference = encoded.decoded() - weights
        if seen is None:
            weighted = difference
        elif seen.second_moment is None:
            weighted = difference * seen.mean_square
        else:
            weighted = difference @ seen.second_moment
        share = 1.0 if seen is None else float(seen.count)
        total += share * float(mx.sum(mx.sum(difference * weighted, axis=-1)))
    return total


def _sample(units: Sequence[Unit]) -> list[tuple[Unit, Format]]:
    """Some units of each role, spread over the layers, with the formats to try."""
    by_role: dict[Role, list[Unit]] = {}
    for unit in units:
        by_role.setdefault(unit.role, []).append(unit)
    chosen = [
        alike[(2 * index + 1) * len(alike) // (2 * count)]
        for alike in by_role.values()
        for count in (min(_UNITS, len(alike)),)
        for index in range(count)
    ]
    return [
        (unit, form) for unit in chosen for bits in _BITS if (form := _affine_for(unit, bits)) is not None
    ]


def _affine_for(unit: Unit, bits: int) -> Format | None:
    fitting = [form for group in (64, 32) if (form := affine(bits, group)).fits(unit.shape)]
    return fitting[0] if fitting else None
