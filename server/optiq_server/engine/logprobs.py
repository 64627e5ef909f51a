"""Log-probabilities of drawn tokens and of the most likely ones. Knows rows of logits, no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import mlx.core as mx

from optiq_server.engine.types import TokenLogprobs

_LEAST = -9999.0
"""What OpenAI writes for a token without any chance; JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class RowReport:
    """One row's log-probabilities, not yet computed: of the drawn token (), of the best ones (K,)."""

    drawn: mx.array
    best: mx.array
    best_ids: mx.array

    @property
    def arrays(self) -> tuple[mx.array, ...]:
        return self.drawn, self.best, self.best_ids

    def of(self, token: int) -> TokenLogprobs:
        """As numbers; waits for the device."""
        ids = cast("list[int]", self.best_ids.tolist())
        best = cast("list[float]", self.best.tolist())
        return TokenLogprobs(
            token=token,
            logprob=max(float(self.drawn), _LEAST),
            top=tuple((each, max(logprob, _LEAST)) for each, logprob in zip(ids, best, strict=True)),
        )


def report(logits: mx.array, drawn: mx.array, wanted: Sequence[int | None]) -> list[RowReport | None]:
    """Logits (B, V) as the model gave them and drawn ids (B,) -> a report for each row that wants one.

    `wanted` is each row's number of best tokens, None for a row without a report.
    """
    if all(count is None for count in wanted):
        return [None] * len(wanted)
    logprobs = logits.astype(mx.float32)
    logprobs = logprobs - mx.logsumexp(logprobs, axis=-1, keepdims=True)
    of_drawn = mx.take_along_axis(logprobs, drawn[:, None], axis=-1)[:, 0]
    return [
        None if count is None else RowReport(of_drawn[row], *_best(logprobs[row], count))
        for row, count in enumerate(wanted)
    ]


def _best(logprobs: mx.array, count: int) -> tuple[mx.array, mx.array]:
    """The `count` largest of (V,), best first, and their ids; the lower id where two are equal."""
    if count == 0:
        return mx.zeros((0,)), mx.zeros((0,), mx.uint32)
    candidates = mx.argpartition(-logprobs, count - 1)[:count]
    candidates = mx.sort(candidates)
    order = mx.argsort(-logprobs[candidates])
    ids = candidates[order]
    return logprobs[ids], ids
