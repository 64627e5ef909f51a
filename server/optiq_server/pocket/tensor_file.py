"""The safetensors format, read and written as bytes: a length, a JSON header, the data.

The library's own functions hand out numpy arrays, and numpy has no bfloat16; here a tensor stays bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

_LENGTH_BYTES = 8
_ALIGNMENT = 8
_ITEM_BYTES = {"BF16": 2, "U8": 1, "I32": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTensor:
    """A tensor in the format's own words: dtype by the format's name, data in row-major order."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        size = prod(self.shape) * _ITEM_BYTES[self.dtype]
        if len(self.data) != size:
            raise ValueError(f"{self.dtype}{list(self.shape)} takes {size} bytes, not {len(self.data)}")


def read_tensors(content: bytes) -> dict[str, RawTensor]:
    """Raises ValueError or KeyError if `content` is no intact file of tensors of known types."""
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    return {
        name: RawTensor(
            dtype=entry["dtype"],
            shape=tuple(entry["shape"]),
            data=content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]],
        )
        for name, entry in header.items()
    }


def write_tensors(path: Path, tensors: Mapping[str, RawTensor], metadata: Mapping[str, str]) -> None:
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH_BYTES, "little"))
        file.write(text)
        for tensor in tensors.values():
            file.write(tensor.data)
