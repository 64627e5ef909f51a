"""Tensors as bytes."""

from collections.abc import Iterable

import mlx.core as mx
import numpy as np
import pytest

from optiq_quant.encoded import encode_nearest
from optiq_quant.formats import affine, parse_format
from optiq_quant.pieces import Piece, coded_pieces, tensor_pieces


def _joined(pieces: Iterable[Piece]) -> dict[str, bytes]:
    whole: dict[str, bytes] = {}
    for piece in pieces:
        whole[piece.name] = whole.get(piece.name, b"") + bytes(piece.data)
    return whole


def test_the_bits_of_bfloat16_are_kept() -> None:
    bits = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    array = mx.array(bits).view(mx.bfloat16)

    assert _joined(tensor_pieces("w", array, slice_bytes=1000)) == {"w": bits.tobytes()}


@pytest.mark.parametrize("shape", [(), (3,), (5, 4), (3, 4, 2)])
def test_slices_of_any_shape_make_the_whole(shape: tuple[int, ...]) -> None:
    array = mx.random.normal(shape)

    assert _joined(tensor_pieces("w", array, slice_bytes=40)) == {"w": np.array(array).tobytes()}


def test_an_array_that_is_not_contiguous_is_written_in_its_own_order() -> None:
    array = mx.arange(12).reshape(3, 4).swapaxes(0, 1)

    assert _joined(tensor_pieces("w", array)) == {"w": np.array(array).tobytes()}


@pytest.mark.parametrize("name", ["affine3g32", "affine4g64", "mxfp4", "nvfp4", "bf16"])
@pytest.mark.parametrize("stored", ["bf16", "affine8g32", "mxfp8"])
def test_slices_are_coded_as_the_whole_would_be(name: str, stored: str) -> None:
    source = encode_nearest(mx.random.normal((4, 24, 64)).astype(mx.bfloat16), parse_format(stored))
    whole = encode_nearest(source.decoded(mx.bfloat16), parse_format(name))

    pieces = list(coded_pieces("u", source, parse_format(name), mx.bfloat16, slice_bytes=2 * 24 * 64 * 4))

    assert len(pieces) == 2 * len(whole.tensors("u"))
    expected = {path: _joined(tensor_pieces(path, array))[path] for path, array in whole.tensors("u").items()}
    assert _joined(pieces) == expected


def test_a_slice_has_at_least_a_row() -> None:
    source = encode_nearest(mx.random.normal((3, 64)), affine(4))

    assert len(list(coded_pieces("u", source, affine(8), mx.float32, slice_bytes=1))) == 3 * 3
