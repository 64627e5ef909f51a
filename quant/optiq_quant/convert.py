"""Carries out a plan: reads the source one unit at a time, and writes a folder that stock mlx-lm loads.

Rule 1: a shard has its name when it is whole and on the disk; the folder is a checkpoint, with a config.json,
        when everything else is.

Rule 2: the same plan, source and options give the same bytes, however often the process was killed meanwhile.

Rule 3: one tensor of the source is in memory at a time, and beside it slices of bounded size.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.companions import companions
from optiq_quant.encoded import Encoded
from optiq_quant.errors import PlanRejected
from optiq_quant.fingerprint import checkpoint_fingerprint
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.model_card import PICTURE_NAME, Card, model_card, source_license
from optiq_quant.output_config import output_config, output_index
from optiq_quant.picture import bits_picture
from optiq_quant.pieces import Piece, device_kind, kept_pieces
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.shard_file import is_written, tensor_hashes, write_shard, write_whole
from optiq_quant.sources import Sources
from optiq_quant.tensor_layout import DEFAULT_SHARD_BYTES, ShardLayout, TensorSpec
from optiq_quant.written import (
    RECORD_NAME,
    Record,
    check_space,
    close_folder,
    copy_file,
    open_folder,
    read_object,
)

LoadLazily: TypeAlias = Callable[[Path], Module]
"""mlx-lm's model of a checkpoint's folder, its arrays still lazy and in the types they are stored in."""

Codes: TypeAlias = Callable[[str], Encoded | None]
"""The codes that were found for a unit, by its path."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told the bytes that are written, and those that will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What is converted to what. `optiq_version` goes into the record."""

    source: Path
    plan: Plan
    out: Path
    card: Card
    optiq_version: str
    shard_bytes: int = DEFAULT_SHARD_BYTES

    def job(self) -> str:
        """A name for all that decides what is written; the source is named by the plan."""
        card = json.dumps(asdict(self.card), sort_keys=True)
        return hashlib.sha256(f"{self.plan.to_json()}\n{card}\n{self.shard_bytes}".encode()).hexdigest()


def convert(
    conversion: Conversion,
    *,
    load_lazily: LoadLazily,
    codes: Codes = lambda _path: None,
    progress: Progress = lambda _done, _total: None,
) -> int:
    """Write the checkpoint, or finish it; the bytes of its safetensors files.

    Raises PlanRejected, CheckpointUnusable, OSError, and what `load_lazily` raises.
    """
    plan, out = conversion.plan, conversion.out
    if plan.source != checkpoint_fingerprint(conversion.source):
        raise PlanRejected(f"the plan was made for another checkpoint than {conversion.source}")
    config = read_object(conversion.source / "config.json")
    model = load_lazily(conversion.source)
    inventory = take_inventory(model, config)
    shards = inventory.layout(plan, shard_bytes=conversion.shard_bytes)
    total = sum(shard.bytes for shard in shards)
    if open_folder(out, conversion.job()) and all(is_written(out, shard) for shard in shards):
        return total
    check_space(out, sum(shard.bytes for shard in shards if not is_written(out, shard)))
    writer = _Writer(plan, inventory, Sources(model, inventory), codes)
    del model
    done = 0
    for shard in shards:
        if is_written(out, shard):
            writer.skip(shard)
        else:
            told = _told(writer.pieces(shard), done, total, progress)
            write_shard(out, shard, told)
        done += shard.bytes
        progress(done, total)
    _finish(conversion, inventory, shards, config)
    return total


class _Writer:
    """What goes into each shard."""

    def __init__(self, plan: Plan, inventory: Inventory, sources: Sources, codes: Codes) -> None:
        self._planned = plan.by_path()
        self._inventory = inventory
        self._sources = sources
        self._codes = codes

    def pieces(self, shard: ShardLayout) -> Iterator[Piece]:
        tensors = {tensor.name: tensor for tensor in shard.tensors}
        for unit in self._inventory.units:
            if f"{unit.path}.weight" in tensors:
                yield from self._unit_pieces(self._planned[unit.path], tensors)
                mx.clear_cache()
        for tensor in self._inventory.others:
            if tensor.name in tensors:
                yield from self._sources.other(tensor)

    def skip(self, shard: ShardLayout) -> None:
        names = [tensor.name for tensor in shard.tensors]
        self._sources.drop([*names, *(name.removesuffix(".weight") for name in names)])

    def _unit_pieces(self, planned: PlannedUnit, tensors: Mapping[str, TensorSpec]) -> Iterator[Piece]:
        if planned.coding in (Coding.KEPT, Coding.NEAREST):
            return self._sources.kept_or_nearest(planned)
        self._sources.drop([planned.path])
        encoded = self._codes(planned.path)
        if encoded is None:
            raise PlanRejected(
                f"{planned.path}: the plan says {planned.coding}, and no such codes were found"
            )
        for name, array in encoded.tensors(planned.path).items():
            tensor, dtype = tensors.get(name), str(array.dtype).rpartition(".")[2]
            if tensor is None or (tensor.dtype, tensor.shape) != (dtype, tuple(array.shape)):
                raise PlanRejected(
                    f"{name}: the codes found are {dtype}{list(array.shape)}, "
                    f"and {planned.format.name} has others"
                )
        return kept_pieces(planned.path, encoded)


def _told(pieces: Iterator[Piece], done: int, total: int, progress: Progress) -> Iterator[Piece]:
    for piece in pieces:
        yield piece
        done += piece.data.nbytes
        progress(done, total)


def _finish(
    conversion: Conversion, inventory: Inventory, shards: Sequence[ShardLayout], config: Mapping[str, Any]
) -> None:
    """All that is not weights; config.json, which makes the folder a checkpoint, last."""
    out, plan = conversion.out, conversion.plan
    for path in companions(conversion.source):
        copy_file(path, out)
    hashes = chain.from_iterable(tensor_hashes(out, shard).items() for shard in shards)
    record = Record(
        plan=plan,
        job=conversion.job(),
        shard_bytes=conversion.shard_bytes,
        versions={"optiq": conversion.optiq_version, **{name: version(name) for name in ("mlx", "mlx-lm")}},
        device=device_kind(),
        tensors=dict(hashes),
    )
    write_whole(out / PICTURE_NAME, bits_picture(inventory, plan.formats()))
    write_card(conversion, conversion.card, inventory)
    write_whole(out / RECORD_NAME, record.to_json().encode())
    write_whole(out / "model.safetensors.index.json", _json(output_index(shards, inventory)))
    write_whole(out / "config.json", _json(output_config(config, inventory, plan)))
    close_folder(out)


def write_card(conversion: Conversion, card: Card, inventory: Inventory) -> None:
    """README.md, also of a folder that is written already: what is measured on it comes later."""
    plan = conversion.plan
    if card.license is None:
        card = replace(card, license=source_license(conversion.source))
    size = inventory.predicted_file_bytes(plan, shard_bytes=conversion.shard_bytes)
    write_whole(conversion.out / "README.md", model_card(card, inventory, plan, size).encode())


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=4) + "\n").encode()
