"""The served model against Hugging Face's reference (tools/reference_logits.py), by position."""

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.nn.layers.base import Module
from mlx_lm.utils import load_model

from optiq_server.engine.loader import load_checkpoint
from tests.engine.checkpoints import REFERENCE, dense_reference, read_config, reference_with

pytestmark = pytest.mark.mlx

BANDS = ((0, 128), (128, 512), (512, 2048), (2048, 3000))
WORST_MEAN_KLD = 1e-6

Prepare = Callable[[Path], Path]


def as_transformers_5(folder: Path) -> Path:
    config = read_config()
    scaling = config["rope_scaling"]
    assert isinstance(scaling, dict)
    parameters = {**scaling, "rope_theta": float(str(config["rope_theta"]))}
    changes = {"rope_scaling": None, "rope_theta": None, "rope_parameters": parameters}
    return reference_with(folder, changes)


def without_rope(folder: Path) -> Path:
    return reference_with(folder, {"rope_scaling": None, "rope_theta": None})


PREPARATIONS: dict[str, Prepare] = {
    "mxfp4": lambda folder: REFERENCE,
    "dense bfloat16": lambda folder: dense_reference(folder, mx.bfloat16),
    "dense float32": lambda folder: dense_reference(folder, mx.float32),
    "rope_parameters": as_transformers_5,
    "rope not stated": without_rope,
}


def mean_kld(model: Module) -> dict[tuple[int, int], float]:
    """Mean KL divergence of the model from the reference in each band; prefilled as when serving."""
    reference = np.load(REFERENCE / "reference.npz")
    tokens = mx.array(reference["tokens"].astype(np.int32))[None]
    cache = model.make_cache()
    chunks = [model(tokens[:, start : start + 512], cache=cache) for start in range(0, tokens.shape[1], 512)]
    logits = np.array(mx.concatenate(chunks, axis=1)[0], dtype=np.float64)

    positions, expected = reference["positions"], reference["log_probabilities"].astype(np.float64)
    given = logits[positions]
    given -= np.log(np.exp(given - given.max(-1, keepdims=True)).sum(-1, keepdims=True)) + given.max(
        -1, keepdims=True
    )
    kld = (np.exp(expected) * (expected - given)).sum(-1)
    return {(a, b): float(kld[(positions >= a) & (positions < b)].mean()) for a, b in BANDS}


@pytest.mark.parametrize("prepare", PREPARATIONS.values(), ids=PREPARATIONS.keys())
def test_the_served_model_is_the_reference_at_every_position(prepare: Prepare, tmp_path: Path) -> None:
    loaded = load_checkpoint(prepare(tmp_path / "checkpoint"), in_float32=True)

    by_band = mean_kld(loaded.model)

    assert max(by_band.values()) <= WORST_MEAN_KLD, by_band


def test_mlx_lms_own_rope_misses_the_bar() -> None:
    model, _ = load_model(REFERENCE)
    model.set_dtype(mx.float32)

    by_band = mean_kld(model)

    assert min(by_band.values()) > 50 * WORST_MEAN_KLD, by_band
