"""What searching leaves: against errors computed by hand, and kept in the journal."""

from collections.abc import Callable

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module

from optiq_quant.budget import Remainder
from optiq_quant.choosing import share_left as allocation_share_left
from optiq_quant.coding import encode_module
from optiq_quant.coding_gain import CodingGains, estimate_gains, share_left
from optiq_quant.costs import Option
from optiq_quant.formats import Format, Mode, affine, dense, microscaled
from optiq_quant.journal import Journal
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.measurements import Evidence, Measurements, UnitCosts
from optiq_quant.plan import Coding
from optiq_quant.progress import SilentReporter
from optiq_quant.statistics import InputStatistics
from optiq_quant.units import Role, Unit
from tests.quant.measurers import PROMPTS
from tests.quant.test_coding import linear
from tests.quant.test_compensated import correlated_inputs
from tests.quant.tiny_models import tiny_gpt_oss, tiny_llama, units_of

pytestmark = pytest.mark.mlx

_SEARCHED = (Coding.FITTED, Coding.COMPENSATED)
_BF16 = dense("bfloat16")


def _unit(path: str, role: Role) -> Unit:
    return Unit(path=path, role=role, layer=0, shape=(64, 64), stored=_BF16)


def test_the_share_is_that_of_the_errors_on_the_inputs() -> None:
    module, seen = linear(), correlated_inputs(1, columns=64)

    def error(way: Coding) -> float:
        difference = encode_module(module, affine(4), way, seen, mx.bfloat16).decoded() - module.weight
        assert seen.second_moment is not None
        return float(mx.sum((difference @ seen.second_moment) * difference))

    share = share_left(module, affine(4), _SEARCHED, seen, mx.bfloat16)

    assert share == pytest.approx(error(Coding.COMPENSATED) / error(Coding.NEAREST), rel=1e-3)
    assert 0 < share < share_left(module, affine(4), (Coding.FITTED,), seen, mx.bfloat16) < 1


def test_what_cannot_be_searched_keeps_all() -> None:
    seen = InputStatistics(count=9, mean_square=mx.ones(64))

    assert share_left(linear(), microscaled(Mode.MXFP4), _SEARCHED, seen, mx.bfloat16) == 1.0


def test_a_share_is_that_of_the_role_and_of_the_nearest_bits() -> None:
    query, head = _unit("q", Role.QUERY), _unit("h", Role.HEAD)
    gains = CodingGains.mean([(query, 3, 0.1), (query, 3, 0.4), (query, 6, 0.5)])

    assert gains.of(query, affine(2)) == gains.of(query, affine(4)) == pytest.approx(0.2)
    assert gains.of(query, affine(8)) == pytest.approx(0.5)
    assert gains.of(query, microscaled(Mode.NVFP4)) == gains.of(query, _BF16) == 1.0
    assert gains.of(head, affine(3)) == 1.0
    assert gains.as_json() == {"query": {"3": pytest.approx(0.2), "6": pytest.approx(0.5)}}


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt_oss])
def test_gains_of_a_model_are_found_once(make: Callable[[], Module]) -> None:
    model = make()
    units = [unit for unit in units_of(model) if not unit.is_native]
    layerwise, journal = LayerwiseModel(model, units), Journal(None, {})

    def found() -> CodingGains:
        return estimate_gains(
            layerwise, units, PROMPTS, _SEARCHED, mx.bfloat16, journal=journal, reporter=SilentReporter()
        )

    first, forwards = found(), layerwise.count.forwards

    assert forwards == pytest.approx(len(PROMPTS))
    assert set(first.shares) == {unit.role for unit in units}
    assert all(0 < share <= 1 for tried in first.shares.values() for share in tried.values())
    assert (found(), layerwise.count.forwards) == (first, forwards)


def test_nothing_is_gained_where_nothing_is_searched() -> None:
    model = tiny_llama()
    layerwise = LayerwiseModel(model, units_of(model))

    gains = estimate_gains(
        layerwise,
        units_of(model),
        PROMPTS,
        (Coding.NEAREST,),
        mx.bfloat16,
        journal=Journal(None, {}),
        reporter=SilentReporter(),
    )

    assert (gains, layerwise.count.forwards) == (CodingGains(), 0)


def test_an_allocation_keeps_what_its_units_keep_by_their_prices() -> None:
    gains = CodingGains(shares={Role.QUERY: {4: 0.2}, Role.HEAD: {4: 0.5}})
    prices = {"q": 0.2, "h": 1.0}
    units = (_unit("q", Role.QUERY), _unit("h", Role.HEAD))
    measurements = Measurements(
        source="s",
        units=tuple(
            UnitCosts(
                unit=unit,
                options=(_option(_BF16, 0.0), _option(affine(4), prices[unit.path])),
                evidence=(Evidence.SOURCE, Evidence.MEASURED),
            )
            for unit in units
        ),
        remainder=Remainder(bytes=0, decode_bytes=0, parameters=0),
    )

    both = {"q": affine(4), "h": affine(4)}

    # Nearest codes would cost 0.2 / 0.2 + 1.0 / 0.5.
    assert allocation_share_left(measurements, gains, both) == pytest.approx(1.2 / 3.0)
    assert allocation_share_left(measurements, gains, {"q": _BF16, "h": affine(4)}) == pytest.approx(0.5)
    assert allocation_share_left(measurements, gains, {"q": _BF16, "h": _BF16}) == 1.0


def _option(form: Format, divergence: float) -> Option:
    return Option(format=form, bytes=1, decode_bytes=1, divergence=divergence)
