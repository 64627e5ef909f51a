"""Whether stock mlx-lm, in a process of its own without our packages, reads a checkpoint as we do.

Both compute in float32. The model on our side has stock mlx-lm's rope, which the caller sees to: for gpt-oss
it differs from the reference's, so that our server computes other logits from the same weights.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeAlias

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx.nn.layers.base import Module

from optiq_quant.errors import VerificationFailed

Logits: TypeAlias = npt.NDArray[np.float32]
"""(tokens, vocabulary)"""

TOLERANCE = 1e-4
"""Of the largest logit: both run the same products, and may split them over threads differently."""

_SEQUENCES, _TOKENS = 2, 24
_SEED = 20250805


def token_sequences(vocabulary_size: int) -> list[list[int]]:
    """A few sequences of ids, the same each time; which ids does not matter."""
    draw = random.Random(_SEED)
    return [[draw.randrange(vocabulary_size) for _ in range(_TOKENS)] for _ in range(_SEQUENCES)]


def stock_logits(folder: Path, sequences: Sequence[Sequence[int]]) -> list[Logits]:
    """Stock mlx-lm's logits. Raises VerificationFailed where it cannot load or run the checkpoint."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory() as name, as_file(files("optiq_quant") / "stock_script.py") as script:
        asked, answered = Path(name) / "sequences.json", Path(name) / "logits.npz"
        asked.write_text(json.dumps(sequences), encoding="utf-8")
        # -I: no PYTHONPATH, no user's packages, nothing from the working directory or the script's own.
        command = [sys.executable, "-I", str(script), str(folder.resolve()), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=name, env=environment)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise VerificationFailed(
                f"stock mlx-lm cannot run it: {lines[-1] if lines else f'exit code {done.returncode}'}"
            )
        with np.load(answered) as found:
            return [found[key] for key in found.files]


def own_logits(
    folder: Path, sequences: Sequence[Sequence[int]], load_as_stock: Callable[[Path], Module]
) -> list[Logits]:
    """The same, of a model that our loader made."""
    model = load_as_stock(folder)
    model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    return [np.array(model(mx.array([list(tokens)])).astype(mx.float32)[0]) for tokens in sequences]


def largest_difference(ours: Sequence[Logits], theirs: Sequence[Logits]) -> float:
    """As a share of the largest logit. Raises VerificationFailed above TOLERANCE, or where one is NaN."""
    if [each.shape for each in ours] != [each.shape for each in theirs]:
        raise VerificationFailed("stock mlx-lm gives logits of another shape")
    scale = max(float(np.abs(each).max()) for each in theirs)
    difference = (
        max(float(np.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True)) / scale
    )
    if not difference <= TOLERANCE:
        raise VerificationFailed(
            f"the largest difference to stock mlx-lm's logits is {difference:.2e} of the largest logit; "
            f"{TOLERANCE:.0e} is allowed"
        )
    return difference
