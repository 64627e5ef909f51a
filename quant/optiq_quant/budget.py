"""Budgets as users state them, and as limits on the units.

Everything of the checkpoint is counted, also what is no unit. It holds no array and reads no file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from optiq_quant.costs import Option
from optiq_quant.units import Role, Unit

_GIB = 1 << 30


class BudgetKind(StrEnum):
    """SIZE: bytes of all weights. BPW: those bits over all parameters, scales, biases and embeddings counted.
    ALLOCATED_BPW: nominal bits over the linear layers that are no experts, scales and embeddings not counted:
    how model cards put it."""

    SIZE = "size"
    BPW = "bpw"
    ALLOCATED_BPW = "allocated-bpw"


class Quantity(StrEnum):
    """What a limit limits. NOMINAL_BITS are the bits of a format without its scales, times the weights."""

    BYTES = "bytes"
    DECODE_BYTES = "decode bytes"
    NOMINAL_BITS = "nominal bits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What of a checkpoint is no unit (norms, biases, sinks): it is written as it is, whatever is chosen."""

    bytes: int = 0
    decode_bytes: int = 0
    parameters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `most` of a quantity, summed over the units.

    The rest is for NOMINAL_BITS and for messages: `counted` has the parameters of the units that count,
    `fixed` is what the remainder adds, and `parameters` what it is told per, 0 where it is told in bytes.
    """

    quantity: Quantity
    most: int
    fixed: int = 0
    parameters: int = 0
    counted: Mapping[str, int] = field(default_factory=dict)

    def weight(self, path: str, option: Option) -> int:
        """How much of the quantity the option of the unit at `path` takes."""
        match self.quantity:
            case Quantity.BYTES:
                return option.bytes
            case Quantity.DECODE_BYTES:
                return option.decode_bytes
            case Quantity.NOMINAL_BITS:
                return option.format.bits * self.counted.get(path, 0)

    def told(self, amount: int) -> str:
        """`amount` in the budget's own unit, rounded up: what it says is enough."""
        total = amount + self.fixed
        if self.parameters == 0:
            what = "bytes a token" if self.quantity is Quantity.DECODE_BYTES else "bytes"
            return f"{total} {what} ({math.ceil(total / _GIB * 1000) / 1000:.3f} GiB)"
        bits = total if self.quantity is Quantity.NOMINAL_BITS else 8 * total
        what = "allocated bits" if self.quantity is Quantity.NOMINAL_BITS else "bits"
        return f"{math.ceil(Fraction(bits, self.parameters) * 10_000) / 10_000:.4f} {what} per weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`amount` is in bytes for SIZE, else in bits per weight. `decode_bytes`, where given, limits what one
    decoded token reads of the whole model too."""

    kind: BudgetKind
    amount: float
    decode_bytes: int | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount) or self.amount <= 0:
            raise ValueError(f"--{self.kind}: must be a number above 0; it is {self.amount}")
        if self.decode_bytes is not None and self.decode_bytes <= 0:
            raise ValueError(f"--decode-bytes: must be above 0; it is {self.decode_bytes}")

    def limits(self, units: Sequence[Unit], remainder: Remainder) -> tuple[Limit, ...]:
        """What this budget leaves for the units. A limit may be below what any choice needs, or below 0."""
        first = (
            _nominal_limit(self.amount, units)
            if self.kind is BudgetKind.ALLOCATED_BPW
            else self._byte_limit(units, remainder)
        )
        if self.decode_bytes is None:
            return (first,)
        fixed = remainder.decode_bytes
        return (first, Limit(quantity=Quantity.DECODE_BYTES, most=self.decode_bytes - fixed, fixed=fixed))

    def _byte_limit(self, units: Sequence[Unit], remainder: Remainder) -> Limit:
        parameters = all_parameters(units, remainder) if self.kind is BudgetKind.BPW else 0
        total = Fraction(self.amount) * (Fraction(parameters, 8) if parameters else 1)
        return Limit(
            quantity=Quantity.BYTES,
            most=math.floor(total) - remainder.bytes,
            fixed=remainder.bytes,
            parameters=parameters,
        )


def budget_of(
    *,
    size: int | None = None,
    bpw: float | None = None,
    allocated_bpw: float | None = None,
    decode_bytes: int | None = None,
) -> Budget:
    """The budget that the options name. Raises ValueError unless exactly one of the first three is given."""
    given = [
        (kind, float(amount) if kind is not BudgetKind.SIZE else amount)
        for kind, amount in zip(BudgetKind, (size, bpw, allocated_bpw), strict=True)
        if amount is not None
    ]
    if len(given) != 1:
        options = ", ".join(f"--{kind}" for kind in BudgetKind)
        raise ValueError(f"give exactly one of {options}; {len(given)} are given")
    kind, amount = given[0]
    return Budget(kind=kind, amount=amount, decode_bytes=decode_bytes)


def all_parameters(units: Sequence[Unit], remainder: Remainder) -> int:
    return sum(unit.parameters for unit in units) + remainder.parameters


def counts_as_allocated(unit: Unit) -> bool:
    """Whether ALLOCATED_BPW counts it."""
    return not unit.role.is_expert and unit.role is not Role.EMBEDDING


def _nominal_limit(bits_per_weight: float, units: Sequence[Unit]) -> Limit:
    counted = {unit.path: unit.parameters for unit in units if counts_as_allocated(unit)}
    parameters = sum(counted.values())
    if parameters == 0:
        raise ValueError("--allocated-bpw: the model has no linear layer that would count")
    return Limit(
        quantity=Quantity.NOMINAL_BITS,
        most=math.floor(Fraction(bits_per_weight) * parameters),
        parameters=parameters,
        counted=counted,
    )
