from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_quant.baselines import (
    by_sensitivity,
    keep_source,
    mixed_recipe,
    protected,
    random_allocation,
    standard_baselines,
    uniform,
    uniform_rest,
)
from optiq_quant.costs import Choices, Option
from optiq_quant.errors import BudgetTooSmall
from optiq_quant.formats import affine, dense
from optiq_quant.units import Role, Unit
from tests.quant.small_checkpoint import BF16, MXFP4, small_measurements, small_units

_UNITS = small_units()
_CHOICES = small_measurements().choices
_LEAST = sum(min(option.bytes for option in each.options) for each in _CHOICES)


def test_the_rest_is_uniform_and_native_experts_are_kept() -> None:
    formats = uniform_rest(_UNITS, affine(5))

    assert {formats[unit.path] for unit in _UNITS if unit.role.is_expert} == {MXFP4}
    assert {formats[unit.path] for unit in _UNITS if not unit.role.is_expert} == {affine(5)}


def test_experts_that_are_dense_belong_to_the_rest() -> None:
    experts = Unit(path="up", role=Role.EXPERT_UP, layer=0, shape=(4, 64, 64), stored=BF16)

    assert uniform_rest([experts], affine(4)) == {"up": affine(4)}


def test_everything_uniform_codes_experts_anew() -> None:
    assert set(uniform(_UNITS, affine(4)).values()) == {affine(4)}


def test_what_a_format_does_not_fit_keeps_its_own() -> None:
    narrow = Unit(path="narrow", role=Role.QUERY, layer=0, shape=(64, 96), stored=BF16)

    assert uniform([narrow], affine(4, 64)) == {"narrow": BF16}


def test_router_and_head_are_protected() -> None:
    formats = protected(_UNITS, affine(4), affine(8))

    by_role = {unit.role: formats[unit.path] for unit in _UNITS}
    assert by_role[Role.ROUTER] == by_role[Role.HEAD] == affine(8)
    assert by_role[Role.EMBEDDING] == by_role[Role.QUERY] == affine(4)
    assert by_role[Role.EXPERT_UP] == MXFP4


def test_an_embedding_that_is_the_head_too_is_protected() -> None:
    tied = Unit(path="embed", role=Role.EMBEDDING, layer=None, shape=(128, 64), stored=BF16)

    assert protected([tied], affine(4), affine(8)) == {"embed": affine(8)}


def test_mixed_recipes_favour_values_at_the_ends_and_in_every_third_layer() -> None:
    units = [
        Unit(path=f"{layer}.value", role=Role.VALUE, layer=layer, shape=(64, 64), stored=BF16)
        for layer in range(16)
    ]
    head = Unit(path="head", role=Role.HEAD, layer=None, shape=(64, 64), stored=BF16)

    formats = mixed_recipe([*units, head], affine(4), affine(6))

    better = [unit.layer for unit in units if formats[unit.path] == affine(6)]
    assert better == [0, 1, 4, 7, 10, 13, 14, 15]
    assert formats["head"] == affine(6)


def test_two_formats_go_by_sensitivity_as_far_as_the_size_reaches() -> None:
    low = sum(_bytes(each, 4) for each in _CHOICES)
    worst = max(_CHOICES, key=lambda each: _divergence(each, 4))

    found = by_sensitivity(_CHOICES, affine(4), affine(8), low + _bytes(worst, 8) - _bytes(worst, 4))

    assert found.formats[worst.path] == affine(8)
    assert Counter(form.name for form in found.formats.values())["affine8g64"] == 1


def test_two_formats_that_are_too_large_are_told() -> None:
    with pytest.raises(BudgetTooSmall):
        by_sensitivity(_CHOICES, affine(4), affine(8), 1_000)


def _option(choices: Choices, bits: int) -> Option:
    return next((o for o in choices.options if o.format == affine(bits)), choices.options[0])


def _bytes(choices: Choices, bits: int) -> int:
    return _option(choices, bits).bytes


def _divergence(choices: Choices, bits: int) -> float:
    return _option(choices, bits).divergence


@settings(max_examples=15, deadline=None)
@given(size=st.integers(int(_LEAST * 1.01), int(_LEAST * 1.25)), seed=st.integers(0, 1_000))
def test_chance_never_exceeds_the_size_and_uses_nearly_all_of_it(size: int, seed: int) -> None:
    found = random_allocation(_CHOICES, size, seed)

    assert 0.995 * size <= found.bytes <= size
    assert found == random_allocation(_CHOICES, size, seed)


def test_other_seeds_give_other_allocations() -> None:
    found = {tuple(random_allocation(_CHOICES, 1_700_000, seed).formats.values()) for seed in range(10)}

    assert len(found) == 10


def test_chance_draws_all_that_fits_about_as_often() -> None:
    options = tuple(
        Option(format=form, bytes=size, decode_bytes=0, divergence=0.0)
        for form, size in ((affine(2), 1), (affine(4), 2), (affine(8), 3))
    )
    choices = [Choices(path=path, options=options) for path in "ab"]

    drawn = Counter(
        (found["a"].bits, found["b"].bits)
        for found in (random_allocation(choices, 4, seed).formats for seed in range(900))
    )

    # With at most 4 bytes: three fill them, three do not and are raised to one that does.
    assert set(drawn) == {(2, 8), (4, 4), (8, 2)}
    assert min(drawn.values()) > 150


def test_a_size_beyond_everything_is_filled_as_far_as_there_are_bytes() -> None:
    most = sum(max(option.bytes for option in each.options) for each in _CHOICES)

    assert 0.995 * most <= random_allocation(_CHOICES, 2 * most, seed=1).bytes <= most


def test_nothing_fits_below_the_least() -> None:
    with pytest.raises(BudgetTooSmall):
        random_allocation(_CHOICES, _LEAST - 1, seed=0)


def test_the_standard_baselines_of_a_model_with_native_experts() -> None:
    named = standard_baselines(_UNITS)

    assert list(named) == [
        "source",
        "rest affine 4",
        "rest affine 5",
        "rest affine 6",
        "rest affine 8",
        "router and head 8, rest 4",
        "all affine 4",
    ]
    assert named["source"] == keep_source(_UNITS)


def test_nothing_is_coded_anew_where_there_are_no_native_experts() -> None:
    units = [Unit(path="q", role=Role.QUERY, layer=0, shape=(64, 64), stored=dense("float32"))]

    assert "all affine 4" not in standard_baselines(units)
