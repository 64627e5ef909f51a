"""What the worker needs of a backend: a set of sequences that advance together, one step at a time.

The protocol is the worker's. All calls come from the worker's thread, the one that opened the backend. It
knows nothing of the event loop, of queues or of time limits.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from optiq_server.engine.stats import BackendStats
from optiq_server.engine.types import EndReason, GenerationRequest, ModelInfo, TokenLogprobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one step did for one sequence.

    `tokens` are new ids in order; a step may give none (a prompt is still being computed) or several.
    `reason` is None while the sequence goes on; STOP, LENGTH or FAULT mean that the backend has dropped it.
    `detail` tells a FAULT to the log. `cached_tokens` of the prompt were not computed again. `logprobs` has
    one entry for each token where the request asked for them.
    """

    sequence_id: int
    tokens: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprobs, ...] = ()
    reason: EndReason | None = None
    detail: str = ""
    cached_tokens: int = 0

    def __post_init__(self) -> None:
        if self.reason not in (None, EndReason.STOP, EndReason.LENGTH, EndReason.FAULT):
            raise ValueError(
                f"reason is {self.reason!r}; a backend ends a sequence with stop, length or fault"
            )


class Backend(Protocol):
    """Computes tokens for the sequences inserted, together.

    Rule 1: a sequence's tokens do not depend on which others are inserted, beyond the rounding of a batched
            product.
    Rule 2: one step is bounded work: a decoding token for each sequence and at most one chunk of prompt.
    Rule 3: what concerns one sequence is told by its Output with FAULT, or by `insert` raising; the others
            are untouched. `step` raises only when the whole batch is lost; then the worker calls `reset`.
    """

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""

    def insert(self, sequence_id: int, request: GenerationRequest) -> None:
        """Take a sequence into the batch. Raises any error to refuse this one alone."""

    def remove(self, sequence_ids: Collection[int]) -> None:
        """Forget these sequences, whatever their stage. Each one was inserted and has not ended."""

    def step(self) -> list[Output]:
        """Advance every sequence once; sequences without news may be left out."""

    def reset(self) -> None:
        """Forget every sequence after a failed step, and be as just opened."""

    def stats(self) -> BackendStats:
        """Its figures now. It changes nothing and costs microseconds."""

    def close(self) -> None:
        """Free weights and device memory; no call follows."""
