"""A name for a checkpoint's content, by which a plan knows whether it was made for it.

Smaller files are read whole; of larger ones the header, which names every tensor, and 256 places.
"""

import hashlib
from pathlib import Path

from optiq_quant.errors import CheckpointUnusable

_WHOLE_BYTES = 256 << 20
_HEADER_BYTES = 1 << 20
_SAMPLES = 256
_SAMPLE_BYTES = 4096


def checkpoint_fingerprint(folder: Path) -> str:
    """64 hexadecimal digits. Raises CheckpointUnusable where the folder cannot be read."""
    digest = hashlib.sha256()
    shards = sorted(folder.glob("model*.safetensors"))
    if not shards:
        raise CheckpointUnusable(f"{folder} holds no weights (model*.safetensors)")
    try:
        digest.update((folder / "config.json").read_bytes())
        for path in shards:
            digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
            _add_content(digest, path)
    except OSError as error:
        raise CheckpointUnusable(f"{folder} cannot be read: {error}") from error
    return digest.hexdigest()


def _add_content(digest: "hashlib._Hash", path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            while data := file.read(_HEADER_BYTES):
                digest.update(data)
            return
        digest.update(file.read(_HEADER_BYTES))
        for sample in range(_SAMPLES):
            file.seek((size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
