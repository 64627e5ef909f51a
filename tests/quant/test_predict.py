"""Predictions from measured formats, and how their order is judged."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.formats import affine
from optiq_quant.predict import predict, rank_correlation

_THREE, _FOUR, _FIVE, _SIX = (affine(bits) for bits in (3, 4, 5, 6))
_ERRORS = {_THREE: 64.0, _FOUR: 16.0, _FIVE: 4.0, _SIX: 1.0}


def test_one_measured_format_predicts_the_others_in_proportion_to_their_errors() -> None:
    assert predict({_FOUR: 0.16}, _ERRORS, _THREE) == pytest.approx(0.64)
    assert predict({_FOUR: 0.16}, _ERRORS, _SIX) == pytest.approx(0.01)


def test_between_two_measured_formats_their_own_power_counts_and_beyond_them_one() -> None:
    measured = {_THREE: 0.8, _FIVE: 0.05}

    assert predict(measured, _ERRORS, _FOUR) == pytest.approx(0.2)
    assert predict(measured, _ERRORS, _SIX) == pytest.approx(0.0125)


@given(power=st.floats(0.5, 2), factor=st.floats(1e-3, 10))
def test_a_power_law_is_found_inside_the_measured_range(power: float, factor: float) -> None:
    law = {form: factor * error**power for form, error in _ERRORS.items()}

    predicted = predict({_THREE: law[_THREE], _SIX: law[_SIX]}, _ERRORS, _FIVE)

    assert predicted == pytest.approx(law[_FIVE])


def test_what_was_measured_is_not_predicted_and_no_error_costs_nothing() -> None:
    assert predict({_FOUR: 0.3}, _ERRORS, _FOUR) == 0.3
    assert predict({_FOUR: 0.3}, {**_ERRORS, _SIX: 0.0}, _SIX) == 0.0
    assert math.isfinite(predict({_FOUR: 0.0}, _ERRORS, _THREE))


def test_rank_correlation_is_spearmans() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 4000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # 1 - 6 * (1 + 1) / (4 * 15)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 2, 3]) == pytest.approx(1)
    assert rank_correlation([1, 1], [1, 2]) == 1
