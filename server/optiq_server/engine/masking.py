"""Keeps the constrained rows of a batch to what their constraints allow. Knows logits, but no model."""

from collections.abc import Sequence

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from optiq_server.engine.constraint import Constraint
from optiq_server.engine.errors import ConstraintFailed

_WORD_BITS = 32
_EVERY_TOKEN = np.uint32(0xFFFFFFFF)


class ConstrainedRow:
    """One row's constraint, and how it failed, if it did. A failed row is free until it is removed."""

    def __init__(self, constraint: Constraint) -> None:
        self._constraint = constraint
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """Why the row must end, in one line for the log; None as long as it may go on."""
        return self._failure

    def advance(self, token: int | None) -> NDArray[np.uint32] | None:
        """Accept the row's last token, None before its first, and return the mask of the next one.

        None where there is nothing to mask: the reply is complete, or the constraint failed.
        """
        if self._failure is not None:
            return None
        try:
            if token is not None:
                self._constraint.accept(token)
            return None if self._constraint.is_finished else self._constraint.mask()
        except ConstraintFailed as error:
            self._failure = str(error)
            return None


def masked(logits: mx.array, masks: Sequence[NDArray[np.uint32] | None]) -> mx.array:
    """Logits (B, V) -> the same, with -inf where a row's mask forbids the token. Rows with None stay."""
    vocabulary_size = logits.shape[-1]
    words = np.full((len(masks), -(-vocabulary_size // _WORD_BITS)), _EVERY_TOKEN, np.uint32)
    for row, mask in enumerate(masks):
        if mask is not None:
            words[row] = mask
    # The bits are unpacked on the device: there they cost little, and 32 times less is copied to it.
    bits = (mx.array(words)[:, :, None] >> mx.arange(_WORD_BITS, dtype=mx.uint32)) & 1
    allowed = bits.reshape(len(masks), -1)[:, :vocabulary_size].astype(mx.bool_)
    return mx.where(allowed, logits, mx.array(-mx.inf, logits.dtype))
