"""Codes packed as MLX packs them."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_quant.packing import pack, unpack

AFFINE_BITS = (2, 3, 4, 5, 6, 8)


@pytest.mark.parametrize("bits", AFFINE_BITS)
@pytest.mark.parametrize("group_size", [32, 64, 128])
def test_mlx_decodes_packed_codes_to_scale_times_code_plus_bias(bits: int, group_size: int) -> None:
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 1 << bits, (2, 3, 256), dtype=np.uint8)
    scales, biases = rng.standard_normal((2, 2, 3, 256 // group_size)).astype(np.float32)

    decoded = mx.dequantize(
        mx.array(pack(codes, bits)), mx.array(scales), mx.array(biases), group_size=group_size, bits=bits
    )

    expected = np.repeat(scales, group_size, -1) * codes + np.repeat(biases, group_size, -1)
    np.testing.assert_allclose(np.array(decoded), expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("bits", AFFINE_BITS)
def test_what_mlx_packed_is_unpacked_and_packed_again_to_the_bit(bits: int) -> None:
    weight = mx.random.normal((5, 192), key=mx.random.key(bits))
    words = np.array(mx.quantize(weight, group_size=64, bits=bits)[0])

    again = pack(unpack(words, bits), bits)

    assert again.dtype == words.dtype
    assert np.array_equal(again, words)


# How long the first call takes is no matter of the claim.
@settings(deadline=None)
@given(bits=st.integers(1, 8), units=st.integers(1, 3), seed=st.integers(0, 1000))
def test_unpacking_gives_back_any_codes(bits: int, units: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 1 << bits, (2, 32 * units), dtype=np.uint8)

    assert np.array_equal(unpack(pack(codes, bits), bits), codes)


def test_codes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="code 8 does not fit 3 bits"):
        pack(np.full((1, 32), 8, np.uint8), 3)
    with pytest.raises(ValueError, match="end inside a word"):
        pack(np.zeros((1, 33), np.uint8), 3)
    with pytest.raises(ValueError, match="1 to 8 bits, not 9"):
        pack(np.zeros((1, 32), np.uint8), 9)
