"""Codes that make up for each other's errors."""

import itertools

import mlx.core as mx
import numpy as np
import pytest

from optiq_quant.compensated import encode_compensated
from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.fitted import encode_fitted
from optiq_quant.formats import Mode, affine, microscaled
from optiq_quant.statistics import InputStatistics

COLUMNS = 128


def correlated_inputs(seed: int = 0, count: int = 1000, columns: int = COLUMNS) -> InputStatistics:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((columns, columns)) / np.sqrt(np.arange(1, columns + 1))
    inputs = rng.standard_normal((count, columns)) @ mixing.T
    moment = mx.array((inputs.T @ inputs / count).astype(np.float32))
    return InputStatistics(count=count, mean_square=mx.diag(moment), second_moment=moment)


def random_weight(*shape: int) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(3))


def output_error(encoded: Encoded, weight: mx.array, statistics: InputStatistics) -> float:
    """tr(dW M dW^T)."""
    difference = encoded.decoded() - weight
    assert statistics.second_moment is not None
    return float(((difference @ statistics.second_moment) * difference).sum())


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("stored", [mx.float16, mx.bfloat16])
def test_on_correlated_inputs_the_output_error_is_far_below_that_of_fitted_codes(
    bits: int, stored: mx.Dtype
) -> None:
    weight, statistics, form = random_weight(32, COLUMNS), correlated_inputs(), affine(bits)

    coded = encode_compensated(weight, form, statistics, stored)

    fitted = encode_fitted(weight, form, statistics, stored)
    error, fitted_error, nearest_error = (
        output_error(each, weight, statistics)
        for each in (coded, fitted, encode_nearest(weight.astype(stored), form))
    )
    assert error < 0.7 * fitted_error
    assert error < 0.7 * nearest_error


def test_no_sweep_raises_the_output_error() -> None:
    weight, statistics = random_weight(16, COLUMNS), correlated_inputs()

    errors = [
        output_error(
            encode_compensated(weight, affine(3), statistics, mx.float16, sweeps=n), weight, statistics
        )
        for n in range(4)
    ]

    # What falls is the error under the damped moment, which is one hundredth of another one.
    assert all(after <= before * 1.01 for before, after in itertools.pairwise(errors))
    assert errors[3] < errors[0]


@pytest.mark.parametrize("count", [0, 1, 20])
def test_few_inputs_and_dead_ones_leave_finite_codes(count: int) -> None:
    statistics = correlated_inputs(count=max(count, 1))
    assert statistics.second_moment is not None
    alive = mx.arange(COLUMNS) % 3 > 0 if count else mx.zeros((COLUMNS,))
    moment = statistics.second_moment * alive[:, None] * alive[None]
    dead = InputStatistics(count=count, mean_square=mx.diag(moment), second_moment=moment)
    weight = random_weight(8, COLUMNS)

    coded = encode_compensated(weight, affine(4), dead, mx.float16)

    assert float(mx.abs(coded.decoded() - weight).max()) < 3 * float(mx.abs(weight).max())


def test_without_a_second_moment_or_in_another_format_codes_are_the_fitted_ones() -> None:
    weight, statistics = random_weight(8, COLUMNS), correlated_inputs()
    diagonal = InputStatistics(count=1, mean_square=statistics.mean_square)

    coded = encode_compensated(weight, affine(4), diagonal, mx.float16)
    micro = encode_compensated(weight, microscaled(Mode.MXFP4), statistics, mx.bfloat16)

    assert mx.array_equal(coded.weight, encode_fitted(weight, affine(4), diagonal, mx.float16).weight)
    nearest = encode_nearest(weight.astype(mx.bfloat16), microscaled(Mode.MXFP4))
    assert mx.array_equal(micro.weight, nearest.weight)


def test_the_same_inputs_give_the_same_bits() -> None:
    weight, statistics = random_weight(16, COLUMNS), correlated_inputs()

    first, second = (encode_compensated(weight, affine(4), statistics, mx.float16) for _ in range(2))

    for name, array in first.tensors("").items():
        assert mx.array_equal(array, second.tensors("")[name])
