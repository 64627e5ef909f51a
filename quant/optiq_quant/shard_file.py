"""One safetensors file, written in pieces: whole under its final name, or not there at all.

It knows bytes and their places; not what they mean.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from optiq_quant.pieces import Piece
from optiq_quant.tensor_layout import ShardLayout

_READ_BYTES = 8 << 20


class PiecesMismatch(Exception):
    """The pieces of a tensor are more or fewer bytes than its place: a fault of the caller's."""


def write_shard(folder: Path, layout: ShardLayout, pieces: Iterable[Piece]) -> None:
    """Write `layout` with the data of `pieces`, which may come in any order of tensors. Raises OSError.

    The file gets its name when all of it is on the disk.
    """
    places = layout.offsets()
    ends = {tensor.name: places[tensor.name] + tensor.bytes for tensor in layout.tensors}
    partial = partial_path(folder / layout.name)
    with partial.open("wb") as file:
        file.write(layout.header())
        file.truncate(layout.bytes)
        for piece in pieces:
            place = places[piece.name]
            if place + piece.data.nbytes > ends[piece.name]:
                raise PiecesMismatch(f"{piece.name} has more bytes than its place in {layout.name}")
            file.seek(place)
            file.write(piece.data)
            places[piece.name] = place + piece.data.nbytes
        short = next((name for name, place in places.items() if place != ends[name]), None)
        if short is not None:
            raise PiecesMismatch(f"{short} has fewer bytes than its place in {layout.name}")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, folder / layout.name)
    sync_folder(folder)


def is_written(folder: Path, layout: ShardLayout) -> bool:
    """Whether the file stands there under its final name, and is of this layout."""
    path, header = folder / layout.name, layout.header()
    if not path.is_file() or path.stat().st_size != layout.bytes:
        return False
    with path.open("rb") as file:
        return file.read(len(header)) == header


def tensor_hashes(folder: Path, layout: ShardLayout) -> Mapping[str, str]:
    """The sha256 of each tensor's bytes in the file. Raises OSError."""
    hashes = {}
    places = layout.offsets()
    with (folder / layout.name).open("rb") as file:
        for tensor in layout.tensors:
            file.seek(places[tensor.name])
            digest, left = hashlib.sha256(), tensor.bytes
            while left and (data := file.read(min(left, _READ_BYTES))):
                digest.update(data)
                left -= len(data)
            hashes[tensor.name] = digest.hexdigest()
    return hashes


def write_whole(path: Path, content: bytes) -> None:
    """A small file, there whole or not at all."""
    partial = partial_path(path)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)


def partial_path(path: Path) -> Path:
    """Where a file is until it is whole."""
    return path.with_name(f".{path.name}.partial")


def sync_folder(folder: Path) -> None:
    """Make renames in it last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
