"""What a checkpoint holds, or a plan makes of it, as rows: by role and format, and as a whole. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from optiq_quant.formats import Format
from optiq_quant.inventory import Inventory
from optiq_quant.units import Role

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow:
    """The units of one role that have the same format; `decode_bytes` are those that one token reads."""

    role: Role
    format: str
    units: int
    parameters: int
    bytes: int
    decode_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole. `other_bytes` are in no unit; `bits_per_weight` counts every byte; `allocated_bits` is the
    mean of nominal bits over the linears outside experts and embedding."""

    units: int
    parameters: int
    bytes: int
    other_bytes: int
    decode_bytes: int
    bits_per_weight: float
    allocated_bits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table to be shown: each row has a text for each column; the first `left` columns stand left."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.caption}: each row needs {len(self.columns)} texts")

    def markdown(self) -> str:
        marks = tuple("---" if number < self.left else "---:" for number in range(len(self.columns)))
        lines = (self.columns, marks, *self.rows)
        return "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )


def role_rows(inventory: Inventory, formats: Mapping[str, Format]) -> tuple[RoleRow, ...]:
    """By role, in the order in which a token meets them, then by format."""
    groups: dict[tuple[Role, Format], list[int]] = {}
    for unit in inventory.units:
        form = formats[unit.path]
        sums = groups.setdefault((unit.role, form), [0, 0, 0, 0])
        for place, value in enumerate((1, unit.parameters, unit.bytes(form), unit.decode_bytes(form))):
            sums[place] += value
    order = list(Role)
    ranked = sorted(groups, key=lambda key: (order.index(key[0]), key[1].bits_per_weight, key[1].name))
    return tuple(_row(key, groups[key]) for key in ranked)


def summary(inventory: Inventory, formats: Mapping[str, Format]) -> Summary:
    return Summary(
        units=len(inventory.units),
        parameters=inventory.parameters,
        bytes=inventory.total_bytes(formats),
        other_bytes=inventory.other_bytes,
        decode_bytes=inventory.decode_bytes(formats),
        bits_per_weight=inventory.bits_per_weight(formats),
        allocated_bits=inventory.allocated_bits_per_weight(formats),
    )


def role_table(rows: Sequence[RoleRow]) -> TextTable:
    """The rows as text."""
    return TextTable(
        caption="Weights by role",
        columns=("role", "format", "units", "weights", "size", "read per token"),
        rows=tuple(
            (
                row.role.value,
                row.format,
                str(row.units),
                _millions(row.parameters),
                size_text(row.bytes),
                size_text(row.decode_bytes),
            )
            for row in rows
        ),
    )


def summary_table(whole: Summary) -> TextTable:
    """The summary as text, one figure a row."""
    return TextTable(
        caption="The whole",
        columns=("figure", "value"),
        rows=(
            ("weights", _millions(whole.parameters)),
            ("size of all tensors", size_text(whole.bytes)),
            ("of these in no unit (norms, biases, sinks)", size_text(whole.other_bytes)),
            ("read per decoded token", size_text(whole.decode_bytes)),
            ("bits per weight, everything counted", f"{whole.bits_per_weight:.3f}"),
            ("nominal bits of linears outside experts", f"{whole.allocated_bits:.3f}"),
        ),
    )


def summary_json(whole: Summary) -> dict[str, object]:
    return asdict(whole)


def nats_text(value: float) -> str:
    """A divergence as people read it."""
    return "0" if value == 0 else f"{value:.3e}" if abs(value) < 1e-3 else f"{value:.4f}"


def size_text(count: int) -> str:
    """Bytes as people read them, exact where they are few."""
    if count >= _GIB:
        return f"{count / _GIB:.3f} GiB"
    if count >= 1 << 20:
        return f"{count / (1 << 20):.2f} MiB"
    return f"{count / 1024:.1f} KiB" if count >= 1024 else f"{count} B"


def _row(key: tuple[Role, Format], sums: Sequence[int]) -> RoleRow:
    units, parameters, stored, read = sums
    return RoleRow(
        role=key[0],
        format=key[1].name,
        units=units,
        parameters=parameters,
        bytes=stored,
        decode_bytes=read,
    )


def _millions(count: int) -> str:
    return f"{count / 1e6:,.2f} M"
