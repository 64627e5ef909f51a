"""Swaps on objectives that are computed, so that what is best is known."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_quant.allocate import allocate
from optiq_quant.budget import Limit, Quantity
from optiq_quant.costs import Choices, Option
from optiq_quant.formats import Format, affine
from optiq_quant.swaps import improve

_BITS = (3, 4, 5, 6, 8)
_WEIGHTS = 4096


def _choices(sensitivities: Sequence[float]) -> list[Choices]:
    return [
        Choices(
            path=f"unit{number}",
            options=tuple(
                Option(
                    format=affine(bits),
                    bytes=affine(bits).bytes((64, _WEIGHTS // 64)),
                    decode_bytes=0,
                    divergence=sensitivity * 4.0 ** (4 - bits),
                )
                for bits in _BITS
            ),
        )
        for number, sensitivity in enumerate(sensitivities)
    ]


def _limit(choices: Sequence[Choices], bits: int) -> list[Limit]:
    total = sum(each.options[_BITS.index(bits)].bytes for each in choices)
    return [Limit(quantity=Quantity.BYTES, most=total)]


def _bytes(choices: Sequence[Choices], formats: Mapping[str, Format]) -> int:
    return sum(
        next(option.bytes for option in each.options if option.format == formats[each.path])
        for each in choices
    )


class _Objective:
    """The truth: each unit's prediction times a factor of its own, and a price on neighbours that are both
    coarse. It counts how often it was asked, and for what."""

    def __init__(self, choices: Sequence[Choices], factors: Sequence[float], coupling: float) -> None:
        self._choices = choices
        self._factors = factors
        self._coupling = coupling
        self.asked: list[Mapping[str, Format]] = []

    def __call__(self, formats: Mapping[str, Format]) -> float:
        self.asked.append(dict(formats))
        costs = [
            factor * next(o.divergence for o in each.options if o.format == formats[each.path])
            for each, factor in zip(self._choices, self._factors, strict=True)
        ]
        return sum(costs) + self._coupling * sum(
            math.sqrt(abs(left * right)) for left, right in itertools.pairwise(costs)
        )


_SENSITIVITIES = [0.01, 0.012, 0.02, 0.005, 0.03, 0.011]
_WRONG = [0.3, 2.5, 1.0, 1.0, 4.0, 0.4]


def test_swaps_find_what_wrong_predictions_hid() -> None:
    choices = _choices(_SENSITIVITIES)
    limits = _limit(choices, 4)
    start = allocate(choices, limits).formats
    objective = _Objective(choices, _WRONG, coupling=0.3)

    improved = improve(choices, limits, start, objective, measurements=25, spread=0.5)

    assert improved.divergence < 0.9 * improved.start
    assert improved.divergence == objective(improved.formats)
    assert _bytes(choices, improved.formats) <= limits[0].most


def test_an_allocation_that_is_already_the_best_stays() -> None:
    choices = _choices(_SENSITIVITIES)
    limits = _limit(choices, 4)
    start = allocate(choices, limits).formats

    improved = improve(choices, limits, start, _Objective(choices, [1.0] * 6, 0.0), measurements=40)

    assert improved.formats == start
    assert improved.divergence == improved.start
    assert not any(trial.accepted for trial in improved.trials)


@settings(max_examples=40, deadline=None)
@given(
    sensitivities=st.lists(st.floats(1e-4, 1e-1), min_size=2, max_size=6),
    factors=st.lists(st.floats(0.2, 4.0), min_size=6, max_size=6),
    coupling=st.floats(-0.4, 0.8),
    measurements=st.integers(1, 12),
    bits=st.sampled_from([4, 5]),
)
def test_swaps_never_worsen_never_exceed_and_never_ask_twice(
    sensitivities: list[float], factors: list[float], coupling: float, measurements: int, bits: int
) -> None:
    choices = _choices(sensitivities)
    limits = _limit(choices, bits)
    objective = _Objective(choices, factors[: len(choices)], coupling)

    improved = improve(
        choices, limits, allocate(choices, limits).formats, objective, measurements=measurements
    )

    assert improved.divergence <= improved.start
    assert len(objective.asked) <= measurements
    assert len({frozenset(each.items()) for each in objective.asked}) == len(objective.asked)
    assert all(_bytes(choices, each) <= limits[0].most for each in objective.asked)


def test_a_run_that_is_repeated_from_its_journal_takes_the_same_way() -> None:
    choices = _choices(_SENSITIVITIES)
    limits = _limit(choices, 4)
    start = allocate(choices, limits).formats
    objective = _Objective(choices, _WRONG, coupling=0.3)
    journal: dict[frozenset[tuple[str, Format]], float] = {}

    def journalled(formats: Mapping[str, Format]) -> float:
        key = frozenset(formats.items())
        if key not in journal:
            journal[key] = objective(formats)
        return journal[key]

    broken_off = improve(choices, limits, start, journalled, measurements=6)
    resumed = improve(choices, limits, start, journalled, measurements=12)

    assert resumed.trials[:5] == broken_off.trials
    assert len(objective.asked) == len(journal) <= 12
    assert resumed == improve(choices, limits, start, _Objective(choices, _WRONG, 0.3), measurements=12)


def test_one_large_unit_pays_for_several_small_ones() -> None:
    large = Choices(
        path="large",
        options=tuple(
            Option(
                format=affine(bits), bytes=bits * 1000, decode_bytes=0, divergence=0.001 * 4.0 ** (4 - bits)
            )
            for bits in _BITS
        ),
    )
    small = _choices([0.002] * 4)
    choices = [
        large,
        *(
            Choices(
                path=each.path,
                options=tuple(
                    Option(
                        format=o.format, bytes=o.format.bits * 250, decode_bytes=0, divergence=o.divergence
                    )
                    for o in each.options
                ),
            )
            for each in small
        ),
    ]
    limits = [Limit(quantity=Quantity.BYTES, most=8_000)]
    start = {each.path: affine(4) for each in choices}
    objective = _Objective(choices, [0.1, 2.0, 2.0, 2.0, 2.0], coupling=0.0)

    improved = improve(choices, limits, start, objective, measurements=10, spread=1.0)

    assert improved.formats["large"] == affine(3)
    assert [improved.formats[f"unit{number}"].bits for number in range(4)] == [5, 5, 5, 5]


def test_the_history_is_json() -> None:
    choices = _choices(_SENSITIVITIES)
    limits = _limit(choices, 4)
    start = allocate(choices, limits).formats

    improved = improve(choices, limits, start, _Objective(choices, _WRONG, 0.3), measurements=2)
    told = json.loads(json.dumps(improved.as_json()))

    assert told["start"] == improved.start
    assert len(told["trials"]) == 1
    assert not improved.exhausted
    for trial in told["trials"]:
        assert all(before != after for before, after in trial["changes"].values())


def test_a_format_that_is_no_option_is_refused() -> None:
    choices = _choices([0.01, 0.02])
    start = {"unit0": affine(2), "unit1": affine(4)}

    with pytest.raises(ValueError, match="unit0: its format affine2g64"):
        improve(choices, _limit(choices, 4), start, lambda _: 1.0, measurements=2)


def test_at_least_one_measurement_is_needed() -> None:
    with pytest.raises(ValueError, match="at least 1 measurement"):
        improve(_choices([0.01]), _limit(_choices([0.01]), 4), {}, lambda _: 1.0, measurements=0)
