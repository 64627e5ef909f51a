"""What the quantizer needs of the server: how checkpoints are loaded, and how their text becomes tokens."""

from pathlib import Path

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.host import Host
from optiq_server.engine.loader import load_checkpoint, load_lazily
from optiq_server.speech import open_speech
from optiq_server.version import installed_version


def quantizer_host(cache_folder: Path) -> Host:
    """harmony's vocabulary lies in `cache_folder`."""
    if mx.default_device().type == mx.DeviceType.cpu:
        # MLX would compile each new kernel with g++ for seconds.
        mx.disable_compile()
    return Host(
        load_lazily=load_lazily,
        load=_load,
        speech=lambda folder: open_speech(folder, cache_folder),
        optiq_version=installed_version(),
    )


def _load(folder: Path) -> Module:
    """In float32 also on a GPU, so that what 16 bits round off is not measured along."""
    return load_checkpoint(folder, in_float32=True).model
