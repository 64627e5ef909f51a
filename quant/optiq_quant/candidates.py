"""Which formats a unit may be given. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from optiq_quant.formats import Format, Mode, affine, microscaled, parse_format
from optiq_quant.units import Unit

AFFINE_BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)


class Experts(StrEnum):
    """What becomes of experts that the source has in a quantized format: KEEP copies them bit for bit,
    MEASURE prices them in other formats like any other unit."""

    KEEP = "keep"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The formats that are tried, beside each unit's own."""

    formats: tuple[Format, ...]
    experts: Experts = Experts.KEEP

    def of(self, unit: Unit) -> tuple[Format, ...]:
        """The source's own format first; then those that fit the shape and take fewer bytes than it."""
        if unit.role.is_expert and unit.is_native and self.experts is Experts.KEEP:
            return (unit.stored,)
        most = unit.bytes(unit.stored)
        fitting = [form for form in self.formats if form.fits(unit.shape) and unit.bytes(form) < most]
        return (unit.stored, *(form for form in dict.fromkeys(fitting) if form != unit.stored))


def default_formats(
    group_sizes: Sequence[int] = GROUP_SIZES, *, are_searched: bool = False
) -> tuple[Format, ...]:
    """All that mlx-lm loads: affine of all bits, and the microscaled ones.

    Where codes `are_searched`, affine alone: searching leaves half of an affine format's error, or less, and
    all of a microscaled one's, but both are priced by their nearest codes.
    """
    affines = tuple(affine(bits, group) for bits in AFFINE_BITS for group in group_sizes)
    if are_searched:
        return affines
    return (*affines, *(microscaled(mode) for mode in (Mode.MXFP4, Mode.NVFP4, Mode.MXFP8)))


def formats_of(names: Iterable[str], group_sizes: Sequence[int] = GROUP_SIZES) -> tuple[Format, ...]:
    """Formats by their names; `affine4` alone means that with each group size. Raises ValueError."""
    formats: list[Format] = []
    for name in names:
        bits = name.strip().lower().removeprefix("affine")
        if bits.isdecimal() and bits != name.strip().lower():
            formats += [parse_format(f"affine{bits}g{group}") for group in group_sizes]
        else:
            formats.append(parse_format(name))
    if not formats:
        raise ValueError("--formats names no format")
    return tuple(dict.fromkeys(formats))
