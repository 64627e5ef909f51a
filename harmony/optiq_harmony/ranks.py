"""The vocabulary's ranks: shipped in the package, unpacked into a folder, proven by hash. Knows no tokens.

`o200k_base.tiktoken` is OpenAI's file as published, compressed. It is unpacked because openai-harmony reads
it from a folder only.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from importlib.resources import files
from pathlib import Path

from optiq_harmony.errors import VocabularyUnavailable

RANKS_NAME = "o200k_base.tiktoken"
"""openai-harmony looks for this name inside the folder that it is given."""

RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def unpack_ranks(cache_folder: Path) -> Path:
    """The path of an intact `o200k_base.tiktoken` in `cache_folder`, which is written if need be.

    The file appears whole or not at all, so that several processes may start at once; a damaged one is
    replaced. Raises VocabularyUnavailable.
    """
    path = cache_folder / RANKS_NAME
    try:
        if not _is_intact(path):
            cache_folder.mkdir(parents=True, exist_ok=True)
            _write_atomically(path, _packaged_ranks(path))
    except OSError as error:
        raise VocabularyUnavailable(path=path, reason=str(error)) from error
    return path


def _is_intact(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(content).hexdigest() == RANKS_SHA256


def _packaged_ranks(path: Path) -> bytes:
    return decompress_ranks(files("optiq_harmony").joinpath(f"{RANKS_NAME}.gz").read_bytes(), path)


def decompress_ranks(packed: bytes, path: Path) -> bytes:
    """What `packed` holds, proven by hash; `path` is for the error. Raises VocabularyUnavailable."""
    try:
        ranks = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise VocabularyUnavailable(path=path, reason=f"the packaged file is damaged: {error}") from error
    if hashlib.sha256(ranks).hexdigest() != RANKS_SHA256:
        raise VocabularyUnavailable(path=path, reason="the packaged file is not the one that was published")
    return ranks


def _write_atomically(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
