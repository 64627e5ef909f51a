"""Blocks of keys and values on disk, so that stored beginnings outlive the process: `--cache-dir`.

One safetensors file for each node of the tree, named by the weights' fingerprint and all of the tokens that
the node stands for. Rule 1: files appear whole or not at all, by renaming. Rule 2: a file that is damaged, or
whose parent is missing, is passed over with a warning, and never served: its bytes have a checksum. Rule 3:
the files of one fingerprint take at most so many bytes; those used last are kept.
"""

import hashlib
import logging
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import mlx.core as mx
import numpy as np

from optiq_server.engine.kv_blocks import Block, Slice

logger = logging.getLogger(__name__)

_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block on disk: the node's tokens are its parent's and `run`."""

    key: str
    parent: str
    run: tuple[int, ...]
    end: int
    nbytes: int
    path: Path


class DiskTier:
    """The blocks of one model in `folder`, at most `capacity` bytes of them."""

    def __init__(self, folder: Path, *, fingerprint: str, capacity: int) -> None:
        self._folder = folder / fingerprint[:32]
        self._fingerprint = fingerprint
        self._capacity = capacity

    def key(self, tokens: Sequence[int]) -> str:
        """What the beginning `tokens` is filed under; the empty one too."""
        digest = hashlib.sha256(self._fingerprint.encode())
        digest.update(np.asarray(tokens, np.uint32).tobytes())
        return digest.hexdigest()[:40]

    def scan(self) -> list[StoredBlock]:
        """What can be used, parents before children and, as far as that allows, least recently used first."""
        known = {stored.key: stored for stored in self._readable()}
        usable: list[StoredBlock] = []
        placed = {self.key(())}
        waiting = list(known.values())
        while ready := [each for each in waiting if each.parent in placed]:
            usable += ready
            placed.update(each.key for each in ready)
            waiting = [each for each in waiting if each.key not in placed]
        for orphan in waiting:
            logger.warning("%s is passed over: what it follows is missing", orphan.path.name)
        return usable

    def read(self, stored: StoredBlock) -> Block | None:
        """The block's arrays; None, with a warning, if the file is damaged."""
        try:
            arrays, metadata = _load(stored.path)
            layers = range(len(arrays) // 2)
            slices = tuple(Slice(arrays[f"{layer}.keys"], arrays[f"{layer}.values"]) for layer in layers)
            mx.eval([(each.keys, each.values) for each in slices])
        except (RuntimeError, KeyError, ValueError, OSError) as error:
            logger.warning("%s is passed over: %s", stored.path.name, " ".join(str(error).split())[:200])
            return None
        if metadata.get("crc32") != _checksum(slices):
            logger.warning("%s is passed over: its checksum does not match", stored.path.name)
            return None
        return Block(end=stored.end, slices=slices)

    def save(self, nodes: Iterable[tuple[tuple[int, ...], tuple[int, ...], Block | StoredBlock]]) -> None:
        """Write (all tokens before the run, the run, its block), those used last first, as far as they fit.

        A parent must come before its children. Files of nodes that are not among these go.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            kept = list(self._written(nodes))
            for path in self._folder.glob("*" + _SUFFIX):
                if path not in kept:
                    path.unlink(missing_ok=True)
            # The times of change tell the order of use to the next process.
            newest = time.time_ns()
            for age, path in enumerate(kept):
                os.utime(path, ns=(newest - age, newest - age))
        except OSError as error:
            logger.warning("the cache on disk cannot be written: %s", error)

    def _written(
        self, nodes: Iterable[tuple[tuple[int, ...], tuple[int, ...], Block | StoredBlock]]
    ) -> Iterator[Path]:
        """The files of these nodes, as far as they fit; those that are not there yet are written."""
        total = 0
        for before, run, block in nodes:
            total += block.nbytes
            path = self._folder / (self.key((*before, *run)) + _SUFFIX)
            if total > self._capacity:
                return
            if not path.exists() and (
                isinstance(block, StoredBlock) or not self._write(path, before, run, block)
            ):
                return
            yield path

    def _write(self, path: Path, before: Sequence[int], run: Sequence[int], block: Block) -> bool:
        arrays = {}
        for layer, each in enumerate(block.slices):
            arrays[f"{layer}.keys"], arrays[f"{layer}.values"] = each.keys, each.values
        metadata = {
            "parent": self.key(before),
            "run": " ".join(map(str, run)),
            "end": str(block.end),
            "nbytes": str(block.nbytes),
            "crc32": _checksum(block.slices),
        }
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part" + _SUFFIX)
        os.close(handle)
        try:
            mx.save_safetensors(name, arrays, metadata)
            os.replace(name, path)
        except (RuntimeError, OSError) as error:
            logger.warning("the cache on disk is left incomplete: %s", " ".join(str(error).split())[:200])
            Path(name).unlink(missing_ok=True)
            return False
        return True

    def _readable(self) -> Iterator[StoredBlock]:
        for path in sorted(self._files(), key=lambda each: each.stat().st_mtime_ns):
            try:
                _, metadata = _load(path)
                yield StoredBlock(
                    key=path.name.removesuffix(_SUFFIX),
                    parent=metadata["parent"],
                    run=tuple(map(int, metadata["run"].split())),
                    end=int(metadata["end"]),
                    nbytes=int(metadata["nbytes"]),
                    path=path,
                )
            except (RuntimeError, KeyError, ValueError, OSError) as error:
                logger.warning("%s is passed over: %s", path.name, " ".join(str(error).split())[:200])

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [
            path for path in self._folder.glob("*" + _SUFFIX) if not path.name.endswith(".part" + _SUFFIX)
        ]


def _load(path: Path) -> tuple[dict[str, mx.array], dict[str, str]]:
    """A file's arrays, not read yet, and its metadata."""
    loaded = mx.load(str(path), return_metadata=True)
    return cast("tuple[dict[str, mx.array], dict[str, str]]", loaded)


def _checksum(slices: Iterable[Slice]) -> str:
    value = 0
    for each in slices:
        for array in (each.keys, each.values):
            value = zlib.crc32(np.array(array.view(mx.uint8)).tobytes(), value)
    return f"{value:08x}"
