"""MXFP4 values and rounding. Runs where torch is installed, which is where the model is trained."""

import pytest

torch = pytest.importorskip("torch")

from tools.pocket import quantise  # noqa: E402  # it imports torch


def test_every_representable_value_survives() -> None:
    row = [sign * value for value in quantise.E2M1_VALUES for sign in (1, -1)] * 2
    weight = torch.tensor([row]) * 0.125

    assert torch.equal(quantise.decode(*quantise.encode(weight)), weight)


def test_training_sees_the_values_that_are_exported() -> None:
    weight = torch.randn(3, 8, 64, generator=torch.Generator().manual_seed(0))

    assert torch.equal(quantise.fake_quantise(weight), quantise.decode(*quantise.encode(weight)))


def test_rounding_goes_to_the_nearest_value_and_never_overflows() -> None:
    scaled = torch.linspace(-6, 6, 4001)
    values = torch.tensor([*quantise.E2M1_VALUES, *(-value for value in quantise.E2M1_VALUES)])
    nearest = (scaled[:, None] - values).abs().amin(dim=-1)

    assert torch.allclose((quantise.round_to_e2m1(scaled) - scaled).abs(), nearest)


def test_the_gradient_passes_straight_through() -> None:
    weight = torch.randn(2, 32, requires_grad=True)

    quantise.fake_quantise(weight).sum().backward()

    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_a_group_of_zeros_stays_zero() -> None:
    assert quantise.decode(*quantise.encode(torch.zeros(1, 32))).abs().max() == 0
