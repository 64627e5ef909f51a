"""Tensors as bytes, a slice at a time: what is written, and what a written file is compared with.

Slices bound the memory beside the source's own tensor, whatever its size. It knows no files.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import mlx.core as mx

from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.formats import Format

SLICE_BYTES = 64 << 20
"""Of the source's floats, decoded, at a time; coding them takes a few times as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`data` is the next part of the tensor `name`: a tensor's pieces come in order."""

    name: str
    data: memoryview


def device_kind() -> str:
    """What computes here, `cpu` or `gpu`: their codes of the same weights may differ in a few roundings."""
    return mx.default_device().type.name


def tensor_pieces(name: str, array: mx.array, *, slice_bytes: int = SLICE_BYTES) -> Iterator[Piece]:
    """The array's own bytes; it stays evaluated while it is cut."""
    mx.eval(array)
    for begin, end in _slices(array.shape, array.dtype.size, slice_bytes):
        part = array[begin:end] if array.ndim else array
        yield Piece(name=name, data=_bytes_of(part))


def kept_pieces(path: str, encoded: Encoded) -> Iterator[Piece]:
    """A unit as it is."""
    for name, array in encoded.tensors(path).items():
        yield from tensor_pieces(name, array)


def coded_pieces(
    path: str, source: Encoded, form: Format, dtype: mx.Dtype, *, slice_bytes: int = SLICE_BYTES
) -> Iterator[Piece]:
    """A unit in `form`, by MLX's own quantize of the source's weights in `dtype`.

    Groups run along the last axis, so that slices along the first give what the whole would give.
    """
    mx.eval(list(source.tensors(path).values()))
    for begin, end in row_slices(source, slice_bytes):
        part = encode_nearest(source.rows(begin, end).decoded(dtype), form)
        for name, array in part.tensors(path).items():
            yield Piece(name=name, data=_bytes_of(array))


def row_slices(source: Encoded, slice_bytes: int = SLICE_BYTES) -> Iterator[tuple[int, int]]:
    """Bounds along the first axis, so that each slice's decoded weights stay small."""
    *rows, columns = source.weight.shape
    width = columns if source.scales is None else source.scales.shape[-1] * source.format.group_size
    return _slices((*rows, width), 4, slice_bytes)


def _slices(shape: tuple[int, ...], item_bytes: int, slice_bytes: int) -> Iterator[tuple[int, int]]:
    """Bounds along the first axis; a scalar is one slice."""
    rows, row_bytes = (shape[0], item_bytes) if shape else (1, item_bytes)
    for length in shape[1:]:
        row_bytes *= length
    step = max(1, slice_bytes // max(1, row_bytes))
    for begin in range(0, rows, step):
        yield begin, min(rows, begin + step)


def _bytes_of(array: mx.array) -> memoryview:
    """Bits as they are; numpy, which lacks bfloat16, is not asked."""
    flat = array.reshape(-1).view(mx.uint8)
    mx.eval(flat)
    return memoryview(flat)  # type: ignore[arg-type]  # arrays have the buffer protocol
