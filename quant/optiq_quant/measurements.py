"""What a checkpoint's choices cost, as a document: the pipeline writes it, and `optiq pareto` reads it.

JSON in, JSON out. It holds no array, and knows nothing of how anything was measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from optiq_quant.budget import Remainder
from optiq_quant.costs import Choices, Option
from optiq_quant.errors import MeasurementsUnusable
from optiq_quant.formats import Format, parse_format
from optiq_quant.units import Role, Unit

MEASUREMENTS_VERSION = 1

MEASUREMENTS_FILE = "measurements.json"
"""Its name in the folder that `optiq quantize` writes."""


class Evidence(StrEnum):
    """Where an option's divergence comes from. SOURCE: it is the source's own format, so 0."""

    SOURCE = "source"
    MEASURED = "measured"
    PREDICTED = "predicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCosts:
    """A unit, its options, and where the divergence of each comes from, in the same order."""

    unit: Unit
    options: tuple[Option, ...]
    evidence: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        names = [option.format.name for option in self.options]
        if not names or len(set(names)) != len(names) or len(names) != len(self.evidence):
            raise ValueError(f"{self.unit.path}: needs options of different formats, with evidence for each")

    @property
    def choices(self) -> Choices:
        return Choices(path=self.unit.path, options=self.options)

    def option(self, form: Format) -> Option | None:
        """The option with this format, None where it was not priced."""
        return next((option for option in self.options if option.format == form), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAllocation:
    """An allocation whose mean KL divergence (nats) was measured as a whole, on the text named `part`.
    `formats` has every unit; `low` and `high` bound a 95 % confidence interval, None where there is none."""

    name: str
    part: str
    formats: Mapping[str, Format]
    divergence: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """`source` is the fingerprint of the checkpoint; `calibration` tells on what text, and how (JSON)."""

    source: str
    units: tuple[UnitCosts, ...]
    remainder: Remainder
    calibration: Mapping[str, Any] = field(default_factory=dict)
    allocations: tuple[MeasuredAllocation, ...] = ()

    def __post_init__(self) -> None:
        paths = {each.unit.path for each in self.units}
        if len(paths) != len(self.units):
            raise ValueError("a unit stands in the measurements twice")
        for allocation in self.allocations:
            if set(allocation.formats) != paths:
                raise ValueError(f"allocation {allocation.name!r} has other units than the measurements")

    @property
    def choices(self) -> tuple[Choices, ...]:
        return tuple(each.choices for each in self.units)

    def to_json(self) -> str:
        """The document; the same measurements give the same text."""
        value = {
            "version": MEASUREMENTS_VERSION,
            "source": self.source,
            "units": [_unit_as_json(each) for each in self.units],
            "remainder": {
                "bytes": self.remainder.bytes,
                "decode_bytes": self.remainder.decode_bytes,
                "parameters": self.remainder.parameters,
            },
            "calibration": self.calibration,
            "allocations": [_allocation_as_json(each) for each in self.allocations],
        }
        return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def measurements_of_json(text: str) -> Measurements:
    """Read what `to_json` wrote. Raises MeasurementsUnusable, naming the field where it can."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise MeasurementsUnusable(f"the measurements are not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("version") != MEASUREMENTS_VERSION:
        raise MeasurementsUnusable(f"version: must be an object whose version is {MEASUREMENTS_VERSION}")
    try:
        return Measurements(
            source=str(value["source"]),
            units=tuple(_unit_of_json(each) for each in value["units"]),
            remainder=Remainder(**value["remainder"]),
            calibration=dict(value["calibration"]),
            allocations=tuple(_allocation_of_json(each) for each in value["allocations"]),
        )
    except KeyError as error:
        raise MeasurementsUnusable(f"the measurements have no {error.args[0]!r}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise MeasurementsUnusable(f"the measurements cannot be read: {error}") from error


def _unit_as_json(costs: UnitCosts) -> dict[str, Any]:
    unit = costs.unit
    return {
        "path": unit.path,
        "role": unit.role.value,
        "layer": unit.layer,
        "shape": list(unit.shape),
        "stored": unit.stored.name,
        "read": [unit.read_numerator, unit.read_denominator],
        "options": [
            {
                "format": option.format.name,
                "bytes": option.bytes,
                "decode_bytes": option.decode_bytes,
                "divergence": option.divergence,
                "evidence": evidence.value,
            }
            for option, evidence in zip(costs.options, costs.evidence, strict=True)
        ],
    }


def _unit_of_json(value: Mapping[str, Any]) -> UnitCosts:
    numerator, denominator = value["read"]
    return UnitCosts(
        unit=Unit(
            path=value["path"],
            role=Role(value["role"]),
            layer=value["layer"],
            shape=tuple(value["shape"]),
            stored=parse_format(value["stored"]),
            read_numerator=numerator,
            read_denominator=denominator,
        ),
        options=tuple(
            Option(
                format=parse_format(option["format"]),
                bytes=int(option["bytes"]),
                decode_bytes=int(option["decode_bytes"]),
                divergence=float(option["divergence"]),
            )
            for option in value["options"]
        ),
        evidence=tuple(Evidence(option["evidence"]) for option in value["options"]),
    )


def _allocation_as_json(allocation: MeasuredAllocation) -> dict[str, Any]:
    return {
        "name": allocation.name,
        "part": allocation.part,
        "formats": {path: form.name for path, form in allocation.formats.items()},
        "divergence": allocation.divergence,
        "low": allocation.low,
        "high": allocation.high,
    }


def _allocation_of_json(value: Mapping[str, Any]) -> MeasuredAllocation:
    return MeasuredAllocation(
        name=value["name"],
        part=value["part"],
        formats={path: parse_format(name) for path, name in value["formats"].items()},
        divergence=float(value["divergence"]),
        low=value["low"],
        high=value["high"],
    )
