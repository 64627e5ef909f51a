"""Which tensors go into which shard, and where: known before one of them is computed. It holds no array.

The format is that of safetensors: 8 bytes of header length, the header in JSON, the data.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

_CODES = {
    "bool": ("BOOL", 1),
    "uint8": ("U8", 1),
    "int8": ("I8", 1),
    "uint16": ("U16", 2),
    "int16": ("I16", 2),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "uint32": ("U32", 4),
    "int32": ("I32", 4),
    "float32": ("F32", 4),
    "uint64": ("U64", 8),
    "int64": ("I64", 8),
}
"""MLX's types: their names in the format, and bytes an element."""

_LENGTH_BYTES = 8
_ALIGNMENT = 8
_METADATA = {"format": "mlx"}
"""Loaders look for it; it names no framework that is needed."""

DEFAULT_SHARD_BYTES = 5 * 10**9
"""Most bytes of data of a shard, as mlx-lm and the hub cut them; a tensor that is larger has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A tensor without its values; `dtype` is MLX's name."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.dtype not in _CODES:
            raise ValueError(f"{self.name}: tensors of type {self.dtype} cannot be written")

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def item_bytes(self) -> int:
        return _CODES[self.dtype][1]

    @property
    def code(self) -> str:
        """The type's name in the format."""
        return _CODES[self.dtype][0]

    @property
    def bytes(self) -> int:
        return self.elements * self.item_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLayout:
    """One file: its name, and its tensors in the order in which they lie in it."""

    name: str
    tensors: tuple[TensorSpec, ...]

    def header(self) -> bytes:
        """All that stands before the data, the length included."""
        entries: dict[str, object] = {"__metadata__": _METADATA}
        offset = 0
        for tensor in self.tensors:
            end = offset + tensor.bytes
            entries[tensor.name] = {
                "dtype": tensor.code,
                "shape": list(tensor.shape),
                "data_offsets": [offset, end],
            }
            offset = end
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        return len(text).to_bytes(_LENGTH_BYTES, "little") + text

    def offsets(self) -> dict[str, int]:
        """Where each tensor's data begins in the file."""
        offset, found = len(self.header()), {}
        for tensor in self.tensors:
            found[tensor.name] = offset
            offset += tensor.bytes
        return found

    @property
    def bytes(self) -> int:
        """Of the whole file."""
        return len(self.header()) + sum(tensor.bytes for tensor in self.tensors)


def lay_out(
    groups: Sequence[Sequence[TensorSpec]], shard_bytes: int = DEFAULT_SHARD_BYTES
) -> tuple[ShardLayout, ...]:
    """Shards in order. The tensors of a group, which are computed together, stay in one shard."""
    if shard_bytes < 1:
        raise ValueError(f"a shard holds at least a byte; shard_bytes is {shard_bytes}")
    shards: list[list[TensorSpec]] = []
    left = 0
    for group in groups:
        size = sum(tensor.bytes for tensor in group)
        if not shards or (size > left and shards[-1]):
            shards.append([])
            left = shard_bytes
        shards[-1].extend(group)
        left -= size
    if len(shards) == 1:
        return (_shard("model.safetensors", shards[0]),)
    return tuple(
        _shard(f"model-{number:05d}-of-{len(shards):05d}.safetensors", tensors)
        for number, tensors in enumerate(shards, 1)
    )


def _shard(name: str, tensors: Sequence[TensorSpec]) -> ShardLayout:
    # Wide types first, so that each tensor is aligned to its type: readers that map the file need that.
    ordered = sorted(tensors, key=lambda tensor: -tensor.item_bytes)
    return ShardLayout(name=name, tensors=tuple(ordered))
