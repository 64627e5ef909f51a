"""How far a candidate's next-token distributions are from the reference's: KL(reference || candidate).

Rule 1: the divergence of two distributions is summed as  sum_v  q_v - p_v - p_v log(q_v / p_v).  Both sum to
        1, so that is the usual  sum_v p_v log(p_v / q_v);  but here no term is negative, so nothing cancels,
        and an error in a normalizer counts by its square only. Where the logarithm d is small, a term is
        p_v (e^d - 1 - d), by its series.

Rule 2: two equal blocks of logits give exactly 0: each term is.

Logits come in blocks of tokens; what is kept of a prompt is a few numbers for each token. It knows no model.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SMALL_SQUARE = 1e-3
"""Of d: below it three terms of the series are exact in float32, above it the difference has four digits."""

_TILE_ROWS = 2
"""On a CPU rows are handled two by two: so all intermediate arrays stay in its cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDivergences:
    """Of one prompt's positions, in order: `divergence` (T,) in nats, `flipped` (T,) where the likeliest
    token differs, and the negative log-likelihoods (T - 1,) of the tokens that follow."""

    divergence: Floats
    flipped: NDArray[np.bool_]
    reference_loss: Floats
    candidate_loss: Floats

    def total(self) -> float:
        """Sum over the positions, rounded once."""
        return math.fsum(self.divergence)

    @property
    def flips(self) -> int:
        return int(self.flipped.sum())


class ReferenceBlock:
    """The reference's logits (n, V) of a block, and what is computed of them once for all candidates.

    `following` are the tokens that came after each position: n, or n - 1 at a prompt's end.
    """

    def __init__(self, logits: mx.array, following: Sequence[int]) -> None:
        self._following = np.array(following, np.int64)
        self._tiles = [_Tile(each) for each in _tiles(logits)]

    def compare(self, logits: mx.array) -> TokenDivergences:
        """With a candidate's logits (n, V)."""
        candidates = [_Tile(each) for each in _tiles(logits)]
        pairs = list(zip(self._tiles, candidates, strict=True))
        return TokenDivergences(
            divergence=np.concatenate([np.array(_divergence(*pair), np.float64) for pair in pairs]),
            flipped=np.concatenate([np.array(a.likeliest != b.likeliest) for a, b in pairs]),
            reference_loss=self._losses(self._tiles),
            candidate_loss=self._losses(candidates),
        )

    def _losses(self, tiles: "Sequence[_Tile]") -> Floats:
        losses, row = [], 0
        for tile in tiles:
            following = self._following[row : row + tile.rows]
            losses += [-float(tile.log[index, int(token)]) for index, token in enumerate(following)]
            row += tile.rows
        return np.array(losses, np.float64)


class _Tile:
    """Some rows of logits, normalized; arrays are numpy's on a CPU, where its exp is several times faster
    than MLX's, and MLX's on a GPU."""

    def __init__(self, logits: Any) -> None:  # noqa: ANN401  # mx.array or numpy's
        self.xp: Any = np if isinstance(logits, np.ndarray) else mx
        self.rows: int = logits.shape[0]
        self.likeliest = logits.argmax(axis=-1)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        self.log = shifted - self.xp.log(self.xp.exp(shifted).sum(axis=-1, keepdims=True))
        self.probability = self.xp.exp(self.log)


def _divergence(reference: _Tile, candidate: _Tile) -> Any:  # noqa: ANN401  # as in _Tile
    """(rows,), by rule 1. A probability of 0 has a finite logarithm here, so its products are 0."""
    p = reference.probability
    d = candidate.log - reference.log
    square = d * d
    near = p * square * (d * (d * (1 / 24) + 1 / 6) + 0.5)
    far = candidate.probability - p - p * d
    return reference.xp.where(square < _SMALL_SQUARE, near, far).sum(axis=-1)


def _tiles(logits: mx.array) -> Iterator[Any]:
    if mx.default_device().type != mx.DeviceType.cpu:
        yield logits
        return
    rows = np.array(logits, copy=False)
    for first in range(0, len(rows), _TILE_ROWS):
        yield rows[first : first + _TILE_ROWS]


def joined(blocks: Sequence[TokenDivergences]) -> TokenDivergences:
    """The blocks of one prompt as one."""
    return TokenDivergences(
        divergence=np.concatenate([each.divergence for each in blocks]),
        flipped=np.concatenate([each.flipped for each in blocks]),
        reference_loss=np.concatenate([each.reference_loss for each in blocks]),
        candidate_loss=np.concatenate([each.candidate_loss for each in blocks]),
    )
