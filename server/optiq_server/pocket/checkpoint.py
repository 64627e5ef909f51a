"""The pocket model as an ordinary checkpoint folder, unpacked once into a cache. Knows no engine.

Rule 1: a folder under its final name is whole. It is written beside it and renamed; of two processes that
        unpack at once, both end with the folder of the one that was first.

Rule 2: the name holds the hash of all that goes into it, so a new package never meets an old folder.

Rule 3: on every start the files' sizes are compared with the list that was written last. A folder that fails
        this is replaced.
"""

import hashlib
import json
import os
import shutil
import tempfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from optiq_server.pocket.tensor_file import write_tensors
from optiq_server.pocket.tokenizer_file import TOKENIZER_SHA256, TokenizerMismatch, write_tokenizer_file
from optiq_server.pocket.weights import expand_weights

_PACKED_NAME = "pocket.safetensors"
_MANIFEST_NAME = "manifest.json"
_LAYOUT = b"1"
"""Raise it when the same data shall unpack to something else."""


class PocketDamaged(OSError):
    """The package's own data cannot be what was shipped."""


def unpack_pocket_checkpoint(cache_folder: Path, ranks: Path) -> Path:
    """The folder of the intact checkpoint inside `cache_folder`, which is written if need be.

    `ranks` is `o200k_base.tiktoken`, from which `tokenizer.json` is built. Writing takes about ten seconds
    and 135 MB of disk. Raises OSError, of which PocketDamaged is one.
    """
    package = files("optiq_server.pocket")
    packed = package.joinpath(_PACKED_NAME).read_bytes()
    small = {entry.name: entry.read_bytes() for entry in _small_files(package)}
    folder = cache_folder / f"pocket-{_digest(packed, small)}"
    if _is_whole(folder):
        return folder
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder, prefix=".pocket-", ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        _write(fresh, packed, small, ranks)
        _install(fresh, folder, aside=Path(name) / "old")
    return folder


def _small_files(package: Traversable) -> list[Traversable]:
    return sorted(package.joinpath("files").iterdir(), key=lambda entry: entry.name)


def _digest(packed: bytes, small: dict[str, bytes]) -> str:
    digest = hashlib.sha256(_LAYOUT + TOKENIZER_SHA256.encode() + packed)
    for name, content in small.items():
        digest.update(name.encode() + content)
    return digest.hexdigest()[:16]


def _write(folder: Path, packed: bytes, small: dict[str, bytes], ranks: Path) -> None:
    try:
        tensors = expand_weights(packed)
    except ValueError as error:
        raise PocketDamaged(f"{_PACKED_NAME} in the package is damaged: {error}") from error
    # "format" is what loaders look for; it names no framework that is needed.
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    for name, content in small.items():
        (folder / name).write_bytes(content)
    try:
        write_tokenizer_file(folder / "tokenizer.json", ranks)
    except TokenizerMismatch as error:
        raise PocketDamaged(str(error)) from error
    sizes = {entry.name: entry.stat().st_size for entry in folder.iterdir()}
    (folder / _MANIFEST_NAME).write_text(json.dumps(sizes, indent=2, sort_keys=True), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MANIFEST_NAME).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (FileNotFoundError, NotADirectoryError, ValueError, AttributeError):
        return False


def _install(fresh: Path, folder: Path, aside: Path) -> None:
    """Give `fresh` its final name, unless another process was first; what is broken there goes aside."""
    if folder.exists() and not _is_whole(folder):
        os.replace(folder, aside)
    try:
        os.rename(fresh, folder)
    except OSError:
        if not _is_whole(folder):
            raise
        shutil.rmtree(fresh)
