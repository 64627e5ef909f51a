"""mlx-lm's own sensitivities: the divergence's gradient at the lower format, along the way to the higher.

`mlx_lm.quant.dynamic_quant` loads its text from the network; here its estimate is given ours.
"""

from collections.abc import Sequence

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx_lm.quant.dynamic_quant import estimate_sensitivities

from optiq_quant.formats import Format


def gradient_sensitivities(
    model: Module, prompts: Sequence[Sequence[int]], low: Format, high: Format
) -> dict[str, float]:
    """By path. The prompts are of one length; each is a batch of its own."""
    found = estimate_sensitivities(
        model,
        mx.array([list(prompt) for prompt in prompts]),
        low.bits,
        low.group_size,
        high.bits,
        high.group_size,
        batch_size=1,
    )
    return dict(found)
