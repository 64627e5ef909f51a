"""Whole modules coded: matrices in slabs, experts by their own inputs."""

import mlx.core as mx
import pytest
from mlx.nn.layers.linear import Linear
from mlx_lm.models.switch_layers import SwitchLinear

from optiq_quant.coding import encode_module
from optiq_quant.encoded import encode_nearest
from optiq_quant.fitted import encode_fitted
from optiq_quant.formats import Format, Mode, affine, microscaled
from optiq_quant.plan import Coding
from optiq_quant.statistics import InputStatistics
from tests.quant.test_compensated import correlated_inputs

WAYS = (Coding.NEAREST, Coding.FITTED, Coding.COMPENSATED)


def linear(rows: int = 24, columns: int = 64) -> Linear:
    module = Linear(columns, rows, bias=False)
    module.weight = mx.random.normal((rows, columns), key=mx.random.key(5))
    return module


def experts(count: int) -> SwitchLinear:
    """All experts have the same weights."""
    module = SwitchLinear(64, 16, count, bias=False)
    module.weight = mx.broadcast_to(mx.random.normal((16, 64), key=mx.random.key(6)), (count, 16, 64))
    return module


def expert_inputs(counts: list[int]) -> InputStatistics:
    each = [correlated_inputs(seed, columns=64) for seed in range(len(counts))]
    moments = [one.second_moment for one in each if one.second_moment is not None]
    return InputStatistics(
        count=sum(counts),
        mean_square=mx.stack([one.mean_square for one in each]),
        second_moment=mx.stack(moments),
        expert_counts=mx.array(counts),
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", [affine(4), affine(3, 32), microscaled(Mode.MXFP4)])
def test_what_is_stored_has_the_shapes_and_types_of_mlx(way: Coding, form: Format) -> None:
    module, statistics = experts(2), expert_inputs([10, 20])

    coded = encode_module(module, form, way, statistics, mx.bfloat16)

    nearest = encode_nearest(module.weight.astype(mx.bfloat16), form)
    for name, array in nearest.tensors("").items():
        found = coded.tensors("")[name]
        assert (found.shape, found.dtype) == (array.shape, array.dtype)


@pytest.mark.parametrize("way", [Coding.FITTED, Coding.COMPENSATED])
def test_each_expert_is_coded_for_its_own_inputs(way: Coding) -> None:
    statistics = expert_inputs([1_000_000, 1_000_000])

    coded = encode_module(experts(2), affine(3), way, statistics, mx.float16).decoded()

    difference = coded - experts(1).weight
    moment = correlated_inputs(0, columns=64).second_moment
    assert moment is not None
    if way is Coding.FITTED:
        moment = mx.diag(mx.diag(moment))
    own, other = (((each @ moment) * each).sum() for each in difference)
    assert float(own) < float(other)


def test_an_expert_that_saw_nothing_is_coded_for_the_average_of_all_inputs() -> None:
    statistics = expert_inputs([1000, 1000, 0])

    coded = encode_module(experts(3), affine(3), Coding.FITTED, statistics, mx.float16)

    squares = (statistics.mean_square[0] + statistics.mean_square[1]) / 2
    average = InputStatistics(count=1, mean_square=squares)
    expected = encode_fitted(experts(1).weight[0], affine(3), average, mx.float16)
    assert float(mx.abs(coded.decoded()[2] - expected.decoded()).max()) < 1e-6


def test_without_statistics_a_module_is_fitted_with_all_columns_alike() -> None:
    module = linear()

    coded = encode_module(module, affine(4), Coding.COMPENSATED, None, mx.float16)

    assert mx.array_equal(coded.weight, encode_fitted(module.weight, affine(4), None, mx.float16).weight)


def test_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="no way of coding"):
        encode_module(linear(), affine(4), Coding.KEPT, None, mx.float16)
