"""Checkpoints for the engine's tests: the reference in other layouts and spellings, and small random ones."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import mlx.core as mx
import numpy as np

REFERENCE = Path(__file__).parent.parent / "data" / "gpt_oss_reference"

_FP4_VALUES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0], np.float32)
_FP4_TABLE = np.concatenate([_FP4_VALUES, -_FP4_VALUES])


def read_config(folder: Path = REFERENCE) -> dict[str, object]:
    config: dict[str, object] = json.loads((folder / "config.json").read_text())
    return config


def write_config(
    folder: Path, changes: Mapping[str, object], base: Mapping[str, object] | None = None
) -> Path:
    """config.json with the changes; a value of None takes the field away."""
    config = {**(read_config() if base is None else base), **changes}
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


def reference_with(folder: Path, changes: Mapping[str, object]) -> Path:
    """The reference's checkpoint with another config."""
    write_config(folder, changes)
    shutil.copy(REFERENCE / "model.safetensors", folder)
    return folder


def dense_reference(folder: Path, dtype: mx.Dtype) -> Path:
    """The reference with experts as Hugging Face saves them unquantized: (E, in, out), no `.weight`."""
    stored = mx.load(str(REFERENCE / "model.safetensors"))
    assert isinstance(stored, dict)
    dense: dict[str, mx.array] = {}
    for name, array in stored.items():
        if name.endswith("_blocks"):
            scales = np.array(stored[name.replace("_blocks", "_scales")])
            weights = _decode_mxfp4(np.array(array), scales).swapaxes(-1, -2)
            dense[name.removesuffix("_blocks")] = mx.array(weights).astype(dtype)
        elif not name.endswith("_scales"):
            dense[name] = array.astype(dtype)
    write_config(folder, {"quantization_config": None})
    mx.save_safetensors(str(folder / "model.safetensors"), dense, {"format": "pt"})
    return folder


def _decode_mxfp4(blocks: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Blocks (E, out, groups, 16) and scales (E, out, groups) -> (E, out, in) float32."""
    codes = np.stack([blocks & 15, blocks >> 4], axis=-1).reshape(*blocks.shape[:-1], 32)
    values = _FP4_TABLE[codes] * np.exp2(scales.astype(np.float32) - 127)[..., None]
    return values.reshape(*blocks.shape[:2], -1)
