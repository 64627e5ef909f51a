"""What the Lab tells of a checkpoint: its units and its bytes. Values only; no array, no file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFact:
    """One module's weights. `bits` are those a weight takes, its share of scales counted; `layer` is None
    outside the layers. One decoded token reads `decode_bytes` of its `bytes`."""

    path: str
    role: str
    layer: int | None
    parameters: int
    format: str
    bits: float
    bytes: int
    decode_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFacts:
    """All units in the model's order, and the bytes of what is in none. `baselines` are total bytes."""

    units: tuple[UnitFact, ...]
    other_bytes: int
    bits_per_weight: float
    baselines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFacts:
    """`plan` is the folder's optiq.json, None where it was not made by this project."""

    folder_name: str
    layers: int
    weights: WeightFacts | None
    plan: Mapping[str, Any] | None

    def divergences(self) -> dict[str, float]:
        """What the plan predicts each unit's format to cost, in nats, by path."""
        units = self.plan.get("units") if self.plan is not None else None
        if not isinstance(units, list):
            return {}
        return {
            str(unit["path"]): float(unit["divergence"])
            for unit in units
            if isinstance(unit, dict) and "path" in unit and isinstance(unit.get("divergence"), int | float)
        }
