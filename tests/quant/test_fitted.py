"""Scales and biases by weighted least squares."""

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.fitted import encode_fitted, fit_groups
from optiq_quant.formats import Mode, affine, dense, microscaled
from optiq_quant.statistics import InputStatistics

STORED = (mx.float16, mx.bfloat16)


def random_weight(*shape: int, seed: int = 0) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed))


def column_statistics(columns: int, seed: int = 1) -> InputStatistics:
    return InputStatistics(count=100, mean_square=mx.exp(2 * random_weight(columns, seed=seed)))


def weighted_error(encoded: Encoded, weight: mx.array, weights: mx.array) -> NDArray[np.float32]:
    """Of each group, (..., groups)."""
    errors = weights * mx.square(encoded.decoded() - weight)
    return np.array(errors.reshape(*weight.shape[:-1], -1, encoded.format.group_size).sum(-1))


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("stored", STORED)
def test_no_group_has_a_larger_weighted_error_than_its_nearest_codes(bits: int, stored: mx.Dtype) -> None:
    weight, statistics, form = random_weight(48, 128), column_statistics(128), affine(bits)

    fitted = encode_fitted(weight, form, statistics, stored)

    found = weighted_error(fitted, weight, statistics.mean_square)
    nearest = weighted_error(encode_nearest(weight.astype(stored), form), weight, statistics.mean_square)
    assert np.all(found <= nearest * 1.0001)
    assert found.sum() < 0.9 * nearest.sum()


@pytest.mark.parametrize("group_size", [32, 64, 128])
def test_what_is_stored_has_the_shapes_and_types_of_mlx(group_size: int) -> None:
    weight, form = random_weight(24, 256), affine(5, group_size)

    fitted, nearest = encode_fitted(weight, form, None, mx.bfloat16), encode_nearest(weight, form)

    assert fitted.scales is not None
    assert fitted.scales.dtype == mx.bfloat16
    for name, array in nearest.tensors("").items():
        assert fitted.tensors("")[name].shape == array.shape


def test_constant_groups_and_dead_inputs_decode_close_to_what_they_were() -> None:
    weight = mx.concatenate([mx.full((4, 64), 0.25), mx.zeros((4, 64))], axis=1)
    statistics = InputStatistics(count=10, mean_square=mx.zeros((128,)))

    fitted = encode_fitted(weight, affine(3), statistics, mx.float16)

    assert float(mx.abs(fitted.decoded() - weight).max()) < 1e-6


def test_formats_that_are_not_affine_are_coded_as_mlx_codes_them() -> None:
    weight = random_weight(8, 64)

    for form in (microscaled(Mode.MXFP4), dense("bfloat16")):
        fitted = encode_fitted(weight, form, None, mx.bfloat16)

        assert mx.array_equal(fitted.decoded(), encode_nearest(weight.astype(mx.bfloat16), form).decoded())


def test_a_fit_does_not_depend_on_the_groups_beside_it() -> None:
    values = np.array(random_weight(7, 64))
    ones = np.ones((1, 64), np.float32)

    together = fit_groups(values, ones, 4, mx.float16)

    for index in range(7):
        alone = fit_groups(values[index : index + 1], ones, 4, mx.float16)
        assert np.array_equal(alone.codes[0], together.codes[index])
