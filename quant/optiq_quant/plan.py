"""A plan: which format, and which way of coding, each unit gets. Data: JSON in, JSON out.

It is all that goes from choosing to writing, and it is kept in the written folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from optiq_quant.errors import PlanRejected
from optiq_quant.formats import Format, parse_format

PLAN_VERSION = 1


class Coding(StrEnum):
    """How codes and scales are found. KEPT: the source's own bits. NEAREST: MLX's quantize. FITTED: each
    group's scale and bias by activation-weighted least squares. COMPENSATED: fitted, with errors carried over
    to the columns that follow (GPTQ, arXiv:2210.17323)."""

    KEPT = "kept"
    NEAREST = "nearest"
    FITTED = "fitted"
    COMPENSATED = "compensated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUnit:
    """One unit's format and coding; `divergence` is the mean KL divergence in nats that this choice alone is
    predicted to cost, None where nothing was measured."""

    path: str
    format: Format
    coding: Coding
    divergence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`source` is the fingerprint of the checkpoint that it was made for; `evidence` is what was measured and
    how (JSON), told in the model card and never read back."""

    source: str
    units: tuple[PlannedUnit, ...]
    evidence: Mapping[str, Any]

    def __post_init__(self) -> None:
        paths = [unit.path for unit in self.units]
        if len(set(paths)) != len(paths):
            raise PlanRejected("the plan names a unit twice")

    def by_path(self) -> dict[str, PlannedUnit]:
        return {unit.path: unit for unit in self.units}

    def to_json(self) -> str:
        """The plan as text; the same plan gives the same text."""
        value = {
            "version": PLAN_VERSION,
            "source": self.source,
            "units": [
                {
                    "path": unit.path,
                    "format": unit.format.name,
                    "coding": unit.coding.value,
                    "divergence": unit.divergence,
                }
                for unit in self.units
            ],
            "evidence": self.evidence,
        }
        return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def plan_of_json(text: str) -> Plan:
    """Read what `to_json` wrote. Raises PlanRejected, naming the field."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise PlanRejected(f"the plan is not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("version") != PLAN_VERSION:
        raise PlanRejected(f"version: the plan must be an object whose version is {PLAN_VERSION}")
    units, evidence = value.get("units"), value.get("evidence", {})
    if (
        not isinstance(units, list)
        or not isinstance(evidence, dict)
        or not isinstance(value.get("source"), str)
    ):
        raise PlanRejected("source must be a string, units a list, evidence an object")
    planned = tuple(_planned(number, unit) for number, unit in enumerate(units))
    return Plan(source=value["source"], units=planned, evidence=evidence)


def _planned(number: int, value: object) -> PlannedUnit:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise PlanRejected(f"units[{number}]: must be an object with a path")
    divergence = value.get("divergence")
    if divergence is not None and not isinstance(divergence, int | float):
        raise PlanRejected(f"units[{number}].divergence: must be a number or null")
    try:
        form, coding = parse_format(str(value.get("format"))), Coding(str(value.get("coding")))
    except ValueError as error:
        raise PlanRejected(f"units[{number}]: {error}") from error
    return PlannedUnit(path=value["path"], format=form, coding=coding, divergence=divergence)
