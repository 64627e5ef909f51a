"""Run alone, by path: loads a checkpoint in stock mlx-lm, where our packages cannot be imported, and writes
the logits of given token sequences.

    python -I stock_script.py CHECKPOINT SEQUENCES.json LOGITS.npz
"""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module
from mlx_lm.utils import load, load_model

_OURS = ("optiq_quant", "optiq_server", "optiq_harmony")


def main(folder: Path, sequences: Path, logits: Path) -> None:
    forbid_our_packages(cast("dict[str, ModuleType | None]", sys.modules))
    model = _load(folder)
    model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    arrays = [
        np.array(model(mx.array([tokens])).astype(mx.float32)[0])
        for tokens in json.loads(sequences.read_text(encoding="utf-8"))
    ]
    np.savez(logits, *arrays)


def forbid_our_packages(modules: dict[str, ModuleType | None]) -> None:
    """None among the loaded modules is Python's way to say that one cannot be imported, wherever it is."""
    modules.update(dict.fromkeys(_OURS))


def _load(folder: Path) -> Module:
    """With its tokenizer where it has one, so that this is read too; the weights lazily, to be widened."""
    model: Module
    if (folder / "tokenizer_config.json").exists():
        model = load(str(folder), lazy=True)[0]
    else:
        model = load_model(folder, lazy=True)[0]
    return model


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
