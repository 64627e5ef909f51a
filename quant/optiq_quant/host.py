"""What the quantizer needs of the program around it.

How a checkpoint is loaded is the server's matter: so the model that is measured is the one that is served.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlx.nn.layers.base import Module

from optiq_quant.calibration_text import Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`load_lazily` gives mlx-lm's model with arrays as they are stored, none of them read; `load` the one
    that computes, in float32, its arrays evaluated; `speech` how the model's text becomes tokens. All take a
    checkpoint's folder. `optiq_version` goes into what is written."""

    load_lazily: Callable[[Path], Module]
    load: Callable[[Path], Module]
    speech: Callable[[Path], Speech]
    optiq_version: str
