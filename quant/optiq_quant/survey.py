"""What is known of a checkpoint before anything is measured, and whether a budget can be kept at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_quant.allocate import allocate
from optiq_quant.budget import Budget, Limit, Remainder
from optiq_quant.candidates import Candidates
from optiq_quant.costs import Choices, Option
from optiq_quant.fingerprint import checkpoint_fingerprint
from optiq_quant.formats import Format
from optiq_quant.host import Host
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.units import Unit
from optiq_quant.written import read_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A checkpoint by its headers: `fingerprint` names its content."""

    folder: Path
    config: Mapping[str, Any]
    fingerprint: str
    inventory: Inventory

    @property
    def remainder(self) -> Remainder:
        """What is in no unit."""
        inventory = self.inventory
        formats = inventory.stored_formats()
        units = sum(unit.decode_bytes(formats[unit.path]) for unit in inventory.units)
        return Remainder(
            bytes=inventory.other_bytes,
            decode_bytes=inventory.decode_bytes(formats) - units,
            parameters=inventory.parameters - sum(unit.parameters for unit in inventory.units),
        )

    def limits(self, budget: Budget) -> tuple[Limit, ...]:
        return budget.limits(self.inventory.units, self.remainder)

    def require(self, budget: Budget, candidates: Candidates) -> None:
        """Raises BudgetTooSmall before anything is measured, naming the least that the candidates need."""
        free = [
            Choices(path=unit.path, options=tuple(option_of(unit, form, 0.0) for form in candidates.of(unit)))
            for unit in self.inventory.units
        ]
        allocate(free, self.limits(budget))


def option_of(unit: Unit, form: Format, divergence: float) -> Option:
    return Option(
        format=form,
        bytes=unit.bytes(form),
        decode_bytes=unit.decode_bytes(form),
        divergence=divergence,
    )


def survey(folder: Path, host: Host) -> Survey:
    """Read a checkpoint's headers. Raises CheckpointUnusable, and what the host's loader raises."""
    config = read_object(folder / "config.json")
    return Survey(
        folder=folder,
        config=config,
        fingerprint=checkpoint_fingerprint(folder),
        inventory=take_inventory(host.load_lazily(folder), config),
    )
