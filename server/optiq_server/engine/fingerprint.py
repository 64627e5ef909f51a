"""A short name for a checkpoint's weights, so that what one model computed is never given to another.

It reads headers and samples, not gigabytes: two checkpoints differ in their shapes, sizes or somewhere in 64
places of each shard.
"""

import hashlib
from pathlib import Path

_SAMPLES = 64
_SAMPLE_BYTES = 4096


def weights_fingerprint(folder: Path, *, dtype: str) -> str:
    """64 hexadecimal digits for the weights in `folder` as they are computed with in `dtype`."""
    digest = hashlib.sha256(dtype.encode())
    digest.update((folder / "config.json").read_bytes())
    for path in sorted(folder.glob("model*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for sample in range(_SAMPLES):
                file.seek(max(0, size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
