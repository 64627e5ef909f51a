"""What a checkpoint's folder holds, by config.json and the headers of its shards, and whether it is whole.

A download that broke off, a shard left behind and a folder of another kind are told here, in words, before
gigabytes are read. No array is made.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optiq_server.engine.errors import LoadFailed

_MAX_HEADER_BYTES = 100 << 20
"""The safetensors format's own bound for a header; more than that is not one."""

_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
"""Bytes an element, by the format's names; those not listed have one."""

_HALF_FLOATS = ("F16", "BF16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor as its shard's header tells it; `bytes` on disk."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A whole checkpoint."""

    folder: Path
    config: Mapping[str, object]
    tensors: Mapping[str, Tensor]

    @property
    def model_type(self) -> str:
        return str(self.config["model_type"])

    def weight_bytes(self, *, in_float32: bool) -> int:
        """Bytes of the weights in memory: as stored, or with the 16-bit floats widened to 32 bits."""
        return sum(
            tensor.bytes * (2 if in_float32 and tensor.dtype in _HALF_FLOATS else 1)
            for tensor in self.tensors.values()
        )


def read_model_type(folder: Path) -> str:
    """Of which architecture the checkpoint is, by its config.json alone. Raises LoadFailed."""
    return str(_read_config(folder)["model_type"])


def take_inventory(folder: Path) -> Inventory:
    """Read and check a checkpoint's folder. Raises LoadFailed."""
    config = _read_config(folder)
    index_path = folder / "model.safetensors.index.json"
    if index_path.exists():
        tensors = _read_indexed(folder, _read_json(index_path).get("weight_map"))
    else:
        tensors = _read_shards(folder, [path.name for path in sorted(folder.glob("model*.safetensors"))])
    if not tensors:
        raise LoadFailed(f"{folder} holds no weights (model*.safetensors)")
    return Inventory(folder=folder, config=config, tensors=tensors)


def _read_config(folder: Path) -> dict[str, object]:
    config = _read_json(folder / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise LoadFailed(f"{folder / 'config.json'} names no model_type")
    return config


def _read_indexed(folder: Path, weight_map: object) -> dict[str, Tensor]:
    if not isinstance(weight_map, dict):
        raise LoadFailed(f"{folder / 'model.safetensors.index.json'} has no weight_map")
    names = sorted(set(map(str, weight_map.values())))
    for number, name in enumerate(names):
        if not (folder / name).is_file():
            raise LoadFailed(
                f"{folder} is incomplete: shard {name} ({number + 1} of {len(names)}) is missing"
            )
    tensors = _read_shards(folder, names)
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise LoadFailed(f"{folder} is incomplete: its index names {missing[0]}, which no shard holds")
    return tensors


def _read_shards(folder: Path, names: list[str]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors.update(_read_header(folder / name))
    return tensors


def _read_header(path: Path) -> dict[str, Tensor]:
    """A safetensors file is 8 bytes of header length, the header in JSON, then the data that it tells of."""
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise LoadFailed(f"{path} is damaged: it has no safetensors header")
        header = file.read(length)
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        ends = [entry["data_offsets"][1] for entry in entries.values()]
        tensors = {name: _tensor(path, name, entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise LoadFailed(f"{path} is damaged: its safetensors header cannot be read") from error
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        raise LoadFailed(
            f"{path} is truncated or damaged: it has {size} bytes, and its header tells of {expected}"
        )
    return tensors


def _tensor(path: Path, name: str, entry: Mapping[str, object]) -> Tensor:
    dtype, shape, offsets = str(entry["dtype"]), entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list):
        raise TypeError(name)
    stored = offsets[1] - offsets[0]
    if stored != math.prod(shape) * _BYTES.get(dtype, 1):
        raise LoadFailed(f"{path} is damaged: {name} has {stored} bytes, which does not fit its shape")
    return Tensor(dtype=dtype, shape=tuple(shape), bytes=stored)


def _read_json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LoadFailed(f"{path.parent} holds no {path.name}: it is not a checkpoint") from error
    except (OSError, ValueError) as error:
        raise LoadFailed(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise LoadFailed(f"{path} is not a JSON object")
    return value
