"""The allocation against brute force, and what it must never do."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_quant.allocate import Allocation, allocate, pose
from optiq_quant.branching import search
from optiq_quant.budget import Limit, Quantity
from optiq_quant.costs import Choices, Option
from optiq_quant.errors import BudgetTooSmall
from optiq_quant.formats import affine, dense
from optiq_quant.knapsack import WeightTable

_FORMATS = [affine(bits, group) for bits in (2, 3, 4, 8) for group in (32, 64)]
_COSTS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.1, -0.05]), st.floats(-1, 3), st.floats(-1e-9, 1e-9), st.floats(0, 1e5)
)


@st.composite
def _options(draw: st.DrawFn, quantum: int) -> tuple[Option, ...]:
    count = draw(st.integers(1, 4))
    return tuple(
        Option(
            format=form,
            bytes=quantum * draw(st.integers(0, 30)) + 7,
            decode_bytes=draw(st.integers(0, 40)),
            divergence=draw(_COSTS),
        )
        for form in draw(st.permutations(_FORMATS))[:count]
    )


@st.composite
def _choices(draw: st.DrawFn) -> tuple[Choices, ...]:
    quantum = draw(st.sampled_from([1, 3, 64]))
    units = draw(st.lists(_options(quantum), min_size=1, max_size=5))
    return tuple(Choices(path=f"unit{number}", options=options) for number, options in enumerate(units))


def _bytes(most: int) -> Limit:
    return Limit(quantity=Quantity.BYTES, most=most)


def _decode(most: int) -> Limit:
    return Limit(quantity=Quantity.DECODE_BYTES, most=most)


def _brute_force(choices: Sequence[Choices], limits: Sequence[Limit]) -> float | None:
    """The least divergence within the limits, None where nothing is."""
    sums = [
        math.fsum(option.divergence for option in options)
        for options in itertools.product(*(each.options for each in choices))
        if all(
            sum(limit.weight(each.path, option) for each, option in zip(choices, options, strict=True))
            <= limit.most
            for limit in limits
        )
    ]
    return min(sums, default=None)


def _close(found: float, best: float, choices: Sequence[Choices]) -> bool:
    scale = sum(abs(option.divergence) for each in choices for option in each.options)
    return abs(found - best) <= 1e-12 * scale


def _checked(choices: Sequence[Choices], limits: Sequence[Limit]) -> Allocation | None:
    """What brute force would have found too, or None where both find nothing."""
    best = _brute_force(choices, limits)
    if best is None:
        with pytest.raises(BudgetTooSmall):
            allocate(choices, limits)
        return None
    found = allocate(choices, limits)
    assert found.is_proven_best
    assert _close(found.divergence, best, choices)
    return found


@given(choices=_choices(), most=st.integers(0, 3_000))
def test_one_limit_gives_what_brute_force_gives(choices: tuple[Choices, ...], most: int) -> None:
    found = _checked(choices, [_bytes(most)])

    assert found is None or found.bytes <= most


@given(choices=_choices(), most=st.integers(0, 3_000), decode=st.integers(0, 200))
def test_two_limits_give_what_brute_force_gives(choices: tuple[Choices, ...], most: int, decode: int) -> None:
    found = _checked(choices, [_bytes(most), _decode(decode)])

    assert found is None or (found.bytes <= most and found.decode_bytes <= decode)


@given(choices=_choices(), bits=st.integers(0, 40), decode=st.integers(0, 200))
def test_nominal_bits_are_a_limit_like_any_other(
    choices: tuple[Choices, ...], bits: int, decode: int
) -> None:
    counted = {each.path: number for number, each in enumerate(choices)}
    nominal = Limit(quantity=Quantity.NOMINAL_BITS, most=bits, counted=counted)

    found = _checked(choices, [nominal, _decode(decode)])

    assert found is None or sum(f.bits * counted[path] for path, f in found.formats.items()) <= bits


@given(choices=_choices(), most=st.integers(0, 3_000), more=st.integers(0, 500))
def test_a_larger_budget_never_gives_a_higher_divergence(
    choices: tuple[Choices, ...], most: int, more: int
) -> None:
    try:
        smaller = allocate(choices, [_bytes(most)])
    except BudgetTooSmall:
        return

    larger = allocate(choices, [_bytes(most + more)])

    scale = sum(abs(option.divergence) for each in choices for option in each.options)
    assert larger.divergence <= smaller.divergence + 1e-15 * scale


@given(choices=_choices(), most=st.integers(0, 3_000))
def test_the_table_and_branch_and_bound_agree(choices: tuple[Choices, ...], most: int) -> None:
    problem = pose(choices, [_bytes(most)])
    table = WeightTable(problem.items)
    if most < table.least_weight:
        return
    lightest = table.best(table.least_weight)

    branched = problem.allocation(search(problem.items, [most], lightest).chosen)
    tabled = problem.allocation(table.best(most))

    assert _close(branched.divergence, tabled.divergence, choices)
    assert tabled == allocate(choices, [_bytes(most)])


@settings(max_examples=30)
@given(choices=_choices(), most=st.integers(0, 1_500), decode=st.integers(0, 120))
def test_a_search_that_is_cut_off_tells_how_far_off_it_can_be(
    choices: tuple[Choices, ...], most: int, decode: int
) -> None:
    limits = [_bytes(most), _decode(decode)]
    best = _brute_force(choices, limits)
    if best is None:
        return
    start = next(
        chosen
        for chosen in itertools.product(*(range(len(kept)) for kept in pose(choices, limits).kept))
        if _is_within(pose(choices, limits).allocation(chosen), most, decode)
    )
    problem = pose(choices, limits)

    found = search(problem.items, [most, decode], start, widths=(1, 2))
    allocation = problem.allocation(found.chosen, gap=found.gap)

    assert _is_within(allocation, most, decode)
    slack = 1e-9 * sum(abs(option.divergence) for each in choices for option in each.options)
    assert allocation.divergence - allocation.gap - slack <= best <= allocation.divergence + slack


def _is_within(allocation: Allocation, most: int, decode: int) -> bool:
    return allocation.bytes <= most and allocation.decode_bytes <= decode


def _unit(path: str, *options: tuple[int, float]) -> Choices:
    """Options of (bytes, divergence)."""
    return Choices(
        path=path,
        options=tuple(
            Option(format=form, bytes=size, decode_bytes=size, divergence=divergence)
            for form, (size, divergence) in zip(_FORMATS, options, strict=False)
        ),
    )


def test_of_equal_divergence_the_smaller_is_taken() -> None:
    choices = [_unit("a", (9, 0.5), (5, 0.5), (2, 1.0)), _unit("b", (4, 0.0), (3, 0.0))]

    found = allocate(choices, [_bytes(100)])

    assert found.bytes == 8


def test_of_equal_options_the_first_is_taken() -> None:
    found = allocate([_unit("a", (5, 0.5), (5, 0.5))], [_bytes(5)])

    assert found.formats == {"a": _FORMATS[0]}


def test_a_budget_below_the_least_names_the_least() -> None:
    choices = [_unit("a", (9, 0.0), (5, 1.0)), _unit("b", (7, 0.0), (6, 1.0))]

    with pytest.raises(BudgetTooSmall) as raised:
        allocate(choices, [Limit(quantity=Quantity.BYTES, most=10, fixed=100)])

    assert raised.value.asked.startswith("110 bytes")
    assert raised.value.needed.startswith("111 bytes")


def test_limits_that_exclude_each_other_name_the_least_of_the_first() -> None:
    options = tuple(
        Option(format=form, bytes=size, decode_bytes=decode, divergence=0.0)
        for form, size, decode in ((_FORMATS[0], 2, 9), (_FORMATS[1], 8, 1))
    )

    with pytest.raises(BudgetTooSmall) as raised:
        allocate([Choices(path="a", options=options)], [_bytes(5), _decode(5)])

    assert raised.value.needed.startswith("8 bytes")


@pytest.mark.parametrize("divergence", [float("nan"), float("inf")])
def test_a_divergence_that_is_no_number_is_refused(divergence: float) -> None:
    with pytest.raises(ValueError, match="a: affine2g32"):
        allocate([_unit("a", (1, divergence))], [_bytes(5)])


def test_an_allocation_needs_a_unit_and_a_limit() -> None:
    with pytest.raises(ValueError, match="a unit, and a limit"):
        allocate([], [_bytes(1)])


def _model(units: int) -> list[Choices]:
    """Layers of three shapes, each format's error four times that of one more bit."""
    forms = [affine(bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64)] + [dense("bfloat16")]
    shapes = [(192, 576), (576, 576), (1536, 576)]
    built = []
    for number in range(units):
        shape = shapes[number % 3]
        sensitivity = (1 + number * 7919 % 101) * 1e-5
        built.append(
            Choices(
                path=f"unit{number}",
                options=tuple(
                    Option(
                        format=form,
                        bytes=form.bytes(shape),
                        decode_bytes=form.bytes(shape),
                        divergence=sensitivity * 4 ** (4 - form.bits_per_weight),
                    )
                    for form in forms
                ),
            )
        )
    return built


def test_a_whole_model_is_solved_to_the_proven_best() -> None:
    choices = _model(120)
    most = sum(choice.options[5].bytes for choice in choices)

    found = allocate(choices, [_bytes(most)])

    uniform = math.fsum(choice.options[5].divergence for choice in choices)
    assert found.is_proven_best
    assert found.bytes <= most
    assert found.divergence < 0.9 * uniform


def test_two_limits_on_a_whole_model_are_solved_to_the_proven_best() -> None:
    choices = _model(60)
    most = sum(choice.options[5].bytes for choice in choices)

    found = allocate(choices, [_bytes(most), _decode(most - 100_000)])

    assert found.is_proven_best
    assert found.decode_bytes <= most - 100_000
    assert found == allocate(choices, [_bytes(most - 100_000)])
