"""The numbers that define the pocket model: a small gpt_oss with the 20b's positions and activations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

FULL_VOCABULARY = 201_088
SWIGLU_LIMIT = 7.0
SWIGLU_ALPHA = 1.702
RMS_EPS = 1e-5
ROPE_THETA = 150_000.0
ROPE_FACTOR = 32.0
ROPE_BETA_FAST = 32.0
ROPE_BETA_SLOW = 1.0
ROPE_ORIGINAL_CONTEXT = 4096
LAYER_TYPES = ("sliding_attention", "full_attention")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Sizes of one pocket model; `rows` counts the used tokens plus the one shared row (the last)."""

    rows: int
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    window: int = 128
    experts: int = 8
    top_k: int = 2
    intermediate: int = 128
    layer_types: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.layer_types:
            kinds = tuple(LAYER_TYPES[i % 2] for i in range(self.layers))
            object.__setattr__(self, "layer_types", kinds)
        if self.hidden % 32 or self.intermediate % 32:
            raise ValueError(
                f"hidden {self.hidden} and intermediate {self.intermediate} must be multiples of 32 for MXFP4"
            )


def rope_frequencies(head_dim: int = 64) -> list[float]:
    """YaRN inverse frequencies as OpenAI's reference computes them: the correction range is not rounded."""
    half = head_dim // 2

    def correction(rotations: float) -> float:
        return half * math.log(ROPE_ORIGINAL_CONTEXT / (rotations * 2 * math.pi)) / math.log(ROPE_THETA)

    low, high = correction(ROPE_BETA_FAST), correction(ROPE_BETA_SLOW)
    frequencies = []
    for index in range(half):
        plain = ROPE_THETA ** (-index / half)
        ramp = min(1.0, max(0.0, (index - low) / (high - low)))
        frequencies.append(plain / ROPE_FACTOR * ramp + plain * (1.0 - ramp))
    return frequencies


def rope_attention_scale() -> float:
    """YaRN's concentration, which multiplies the rotated queries and keys."""
    return 0.1 * math.log(ROPE_FACTOR) + 1.0
