"""Coded weights."""

import mlx.core as mx
import pytest

from optiq_quant.encoded import encode_nearest
from optiq_quant.formats import affine, parse_format


@pytest.mark.parametrize("name", ["affine4g32", "mxfp4", "nvfp4", "bf16"])
def test_rows_are_a_part_of_the_whole(name: str) -> None:
    whole = encode_nearest(mx.random.normal((4, 8, 64)), parse_format(name))

    assert mx.array_equal(whole.rows(1, 3).decoded(), whole.decoded()[1:3])


def test_decoding_does_not_round_to_the_type_of_the_scales() -> None:
    encoded = encode_nearest(mx.random.normal((8, 64)).astype(mx.bfloat16), affine(8))
    assert encoded.scales is not None
    assert encoded.biases is not None
    codes = encoded.weight.view(mx.uint8).astype(mx.float32)

    decoded = encoded.decoded(mx.float32)

    expected = codes * encoded.scales.astype(mx.float32) + encoded.biases.astype(mx.float32)
    assert mx.allclose(decoded, expected, rtol=1e-6, atol=1e-6)


def test_a_format_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"affine4g128 does not fit shape \(2, 64\)"):
        encode_nearest(mx.zeros((2, 64)), affine(4, 128))
