"""Units and prices of a small mixture of experts: no weights, all that choosing needs."""

from optiq_quant.budget import Remainder
from optiq_quant.costs import Option
from optiq_quant.formats import Format, Mode, affine, dense, microscaled
from optiq_quant.measurements import Evidence, MeasuredAllocation, Measurements, UnitCosts
from optiq_quant.units import Role, Unit

FORMATS = [affine(bits, group) for bits in (3, 4, 5, 6, 8) for group in (32, 64)]
MXFP4 = microscaled(Mode.MXFP4)
BF16 = dense("bfloat16")

_HIDDEN = 128
_SHAPES = {
    Role.QUERY: (256, _HIDDEN),
    Role.KEY: (64, _HIDDEN),
    Role.VALUE: (64, _HIDDEN),
    Role.OUTPUT: (_HIDDEN, 256),
    Role.ROUTER: (32, _HIDDEN),
}


def small_units(layers: int = 4) -> list[Unit]:
    """A model whose experts are native, with a head of its own."""
    units = [
        Unit(
            path="embed",
            role=Role.EMBEDDING,
            layer=None,
            shape=(1024, _HIDDEN),
            stored=BF16,
            read_numerator=1,
            read_denominator=1024,
        ),
        Unit(path="head", role=Role.HEAD, layer=None, shape=(1024, _HIDDEN), stored=BF16),
    ]
    for layer in range(layers):
        units += [
            Unit(path=f"{layer}.{role}", role=role, layer=layer, shape=shape, stored=BF16)
            for role, shape in _SHAPES.items()
        ]
        units.append(
            Unit(
                path=f"{layer}.up",
                role=Role.EXPERT_UP,
                layer=layer,
                shape=(32, _HIDDEN, _HIDDEN),
                stored=MXFP4,
                read_numerator=4,
                read_denominator=32,
            )
        )
    return units


def small_measurements(allocations: tuple[MeasuredAllocation, ...] = ()) -> Measurements:
    """All formats priced for all units but the experts, which have the source's own only."""
    return Measurements(
        source="sha256:of-a-small-model",
        units=tuple(_costs(number, unit) for number, unit in enumerate(small_units())),
        remainder=Remainder(bytes=5_000, decode_bytes=4_000, parameters=2_500),
        calibration={"text": "invented", "tokens": 100},
        allocations=allocations,
    )


def _costs(number: int, unit: Unit) -> UnitCosts:
    forms = [unit.stored] if unit.is_native else [*FORMATS, unit.stored]
    return UnitCosts(
        unit=unit,
        options=tuple(_option(number, unit, form) for form in forms),
        evidence=tuple(_evidence(unit, form) for form in forms),
    )


def _option(number: int, unit: Unit, form: Format) -> Option:
    sensitivity = (1 + number * 31 % 17) * 1e-3
    divergence = 0.0 if form == unit.stored else sensitivity * 4.0 ** (4 - form.bits_per_weight)
    return Option(
        format=form,
        bytes=unit.bytes(form),
        decode_bytes=unit.decode_bytes(form),
        divergence=divergence,
    )


def _evidence(unit: Unit, form: Format) -> Evidence:
    if form == unit.stored:
        return Evidence.SOURCE
    return Evidence.MEASURED if form == affine(4) else Evidence.PREDICTED
