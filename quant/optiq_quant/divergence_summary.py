"""What the divergences of many prompts come to: means, tails, flips, perplexities, and how sure that is.

The interval is a cluster bootstrap: prompts, not tokens, are drawn with replacement, because a prompt's
positions resemble each other (Cameron, Gelbach and Miller, 2008). It knows no model and draws no plot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from optiq_quant.divergence import Floats, TokenDivergences

_RESAMPLES = 4000
_SEED = 20
_LEAST_PROMPTS = 2
_BAND_EDGES = (0, 16, 64, 256, 1024, 4096, 16384, 65536)
"""Positions in a prompt. Early ones have little context, and gpt-oss's window ends at 128."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The positions from `first` up to `end`, `end` left out, of all prompts."""

    first: int
    end: int
    tokens: int
    mean: float
    flips: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceSummary:
    """Divergences in nats for each position; `low` and `high` bound the mean's 95 % confidence interval, None
    with fewer than two prompts. `flips` is the share of positions whose likeliest token differs."""

    prompts: int
    tokens: int
    mean: float
    low: float | None
    high: float | None
    median: float
    p99: float
    p999: float
    greatest: float
    flips: float
    reference_perplexity: float
    candidate_perplexity: float
    bands: tuple[Band, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "prompts": self.prompts,
            "tokens": self.tokens,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "median": self.median,
            "p99": self.p99,
            "p99.9": self.p999,
            "greatest": self.greatest,
            "flips": self.flips,
            "reference_perplexity": self.reference_perplexity,
            "candidate_perplexity": self.candidate_perplexity,
            "bands": [
                {
                    "first": band.first,
                    "end": band.end,
                    "tokens": band.tokens,
                    "mean": band.mean,
                    "flips": band.flips,
                }
                for band in self.bands
            ],
        }


def summarize(prompts: Sequence[TokenDivergences]) -> DivergenceSummary:
    """The summary of at least one prompt."""
    if not prompts:
        raise ValueError("there is no prompt to summarize")
    divergence = np.concatenate([prompt.divergence for prompt in prompts])
    flipped = np.concatenate([prompt.flipped for prompt in prompts])
    median, p99, p999 = np.quantile(divergence, (0.5, 0.99, 0.999))
    interval = _interval(prompts)
    return DivergenceSummary(
        prompts=len(prompts),
        tokens=len(divergence),
        mean=math.fsum(divergence) / len(divergence),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        median=float(median),
        p99=float(p99),
        p999=float(p999),
        greatest=float(divergence.max()),
        flips=float(flipped.mean()),
        reference_perplexity=_perplexity([prompt.reference_loss for prompt in prompts]),
        candidate_perplexity=_perplexity([prompt.candidate_loss for prompt in prompts]),
        bands=_bands(prompts),
    )


def _interval(prompts: Sequence[TokenDivergences]) -> tuple[float, float] | None:
    if len(prompts) < _LEAST_PROMPTS:
        return None
    sums = np.array([prompt.total() for prompt in prompts])
    tokens = np.array([len(prompt.divergence) for prompt in prompts])
    drawn = np.random.default_rng(_SEED).integers(len(prompts), size=(_RESAMPLES, len(prompts)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / tokens[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def _perplexity(losses: Sequence[Floats]) -> float:
    """1 where no token follows another."""
    count = sum(map(len, losses))
    return math.exp(math.fsum(np.concatenate(losses)) / count) if count else 1.0


def _bands(prompts: Sequence[TokenDivergences]) -> tuple[Band, ...]:
    bands = []
    for first, end in pairwise(_BAND_EDGES):
        divergence = np.concatenate([prompt.divergence[first:end] for prompt in prompts])
        flipped = np.concatenate([prompt.flipped[first:end] for prompt in prompts])
        if len(divergence):
            mean = math.fsum(divergence) / len(divergence)
            bands.append(
                Band(first=first, end=end, tokens=len(divergence), mean=mean, flips=float(flipped.mean()))
            )
    return tuple(bands)
