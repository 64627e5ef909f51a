import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.budget import Budget, BudgetKind, Limit, Quantity, Remainder, budget_of
from optiq_quant.costs import Option
from optiq_quant.formats import Mode, affine, dense, microscaled
from optiq_quant.units import Role, Unit

_BF16 = dense("bfloat16")
_REST = Remainder(bytes=1_000, decode_bytes=900, parameters=500)


def _unit(
    path: str, role: Role, shape: tuple[int, ...] = (64, 64), *, read: tuple[int, int] = (1, 1)
) -> Unit:
    return Unit(
        path=path,
        role=role,
        layer=None,
        shape=shape,
        stored=_BF16,
        read_numerator=read[0],
        read_denominator=read[1],
    )


_UNITS = (
    _unit("embedding", Role.EMBEDDING, read=(1, 64)),
    _unit("query", Role.QUERY),
    _unit("experts", Role.EXPERT_UP, (4, 64, 64), read=(1, 4)),
    _unit("head", Role.HEAD),
)


def _option(unit: Unit, form: str = "affine4g64") -> Option:
    found = affine(4) if form == "affine4g64" else _BF16
    return Option(
        format=found, bytes=unit.bytes(found), decode_bytes=unit.decode_bytes(found), divergence=0.0
    )


def test_a_size_leaves_the_units_what_the_remainder_does_not_take() -> None:
    (limit,) = budget_of(size=10_000).limits(_UNITS, _REST)

    assert (limit.quantity, limit.most) == (Quantity.BYTES, 9_000)
    assert limit.weight("query", _option(_UNITS[1])) == 64 * 64 // 2 + 64 * 4


def test_bits_per_weight_count_all_bytes_and_all_parameters() -> None:
    parameters = 7 * 64 * 64 + 500

    (limit,) = budget_of(bpw=4.5).limits(_UNITS, _REST)

    assert limit.most == int(4.5 * parameters / 8) - 1_000
    assert (limit.most + 1_000) * 8 / parameters <= 4.5


def test_allocated_bits_count_neither_experts_nor_embeddings_nor_scales() -> None:
    (limit,) = budget_of(allocated_bpw=5.0).limits(_UNITS, _REST)

    assert limit.most == 5 * 2 * 64 * 64
    assert [limit.weight(unit.path, _option(unit)) for unit in _UNITS] == [0, 4 * 64 * 64, 0, 4 * 64 * 64]


def test_allocated_bits_need_a_layer_that_counts() -> None:
    with pytest.raises(ValueError, match="--allocated-bpw"):
        budget_of(allocated_bpw=5.0).limits(_UNITS[:1], _REST)


def test_decode_bytes_are_a_second_limit_less_what_the_remainder_reads() -> None:
    _, limit = budget_of(size=10_000, decode_bytes=5_000).limits(_UNITS, _REST)

    assert (limit.quantity, limit.most) == (Quantity.DECODE_BYTES, 4_100)
    assert limit.weight("experts", _option(_UNITS[2])) == _UNITS[2].bytes(affine(4)) // 4


@pytest.mark.parametrize("given", [{}, {"size": 1, "bpw": 4.0}, {"bpw": 4.0, "allocated_bpw": 4.0}])
def test_exactly_one_budget_is_given(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="exactly one of --size, --bpw, --allocated-bpw"):
        budget_of(**given)  # type: ignore[arg-type]  # bpw is a float, size an int


@pytest.mark.parametrize("amount", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_is_a_number_above_0(amount: float) -> None:
    with pytest.raises(ValueError, match="--bpw"):
        budget_of(bpw=amount)


def test_decode_bytes_are_above_0() -> None:
    with pytest.raises(ValueError, match="--decode-bytes"):
        budget_of(bpw=4.0, decode_bytes=0)


@given(amount=st.integers(0, 10**11), parameters=st.integers(1, 10**9))
def test_what_a_limit_says_it_needs_is_enough_when_it_is_asked_for(amount: int, parameters: int) -> None:
    limit = Limit(quantity=Quantity.BYTES, most=0, fixed=17, parameters=parameters)

    said = float(re.findall(r"[\d.]+", limit.told(amount))[0])

    assert said * parameters >= 8 * (amount + 17) * (1 - 1e-15)


def test_each_budget_speaks_its_own_unit() -> None:
    size, decode = budget_of(size=10_000, decode_bytes=5_000).limits(_UNITS, _REST)
    (bits,) = Budget(kind=BudgetKind.BPW, amount=4.0).limits(_UNITS, _REST)
    (allocated,) = Budget(kind=BudgetKind.ALLOCATED_BPW, amount=4.0).limits(_UNITS, _REST)

    assert size.told(9_000) == "10000 bytes (0.001 GiB)"
    assert decode.told(4_100) == "5000 bytes a token (0.001 GiB)"
    assert bits.told(bits.most) == "4.0000 bits per weight"
    assert allocated.told(allocated.most) == "4.0000 allocated bits per weight"


def test_a_format_without_affine_scales_counts_its_nominal_bits() -> None:
    form = microscaled(Mode.MXFP4)
    (limit,) = budget_of(allocated_bpw=5.0).limits(_UNITS, _REST)

    weight = limit.weight("head", Option(format=form, bytes=1, decode_bytes=1, divergence=0.0))

    assert weight == 4 * 64 * 64
