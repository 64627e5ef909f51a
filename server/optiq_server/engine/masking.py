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
    """One row's constraint, and how it failed, if it did. A failed row is free until it is removed.

    `forces` lets it tell tokens that must come; a row whose log-probabilities are wanted draws them all.
    """

    def __init__(self, constraint: Constraint, *, forces: bool = True) -> None:
        self._constraint = constraint
        self._forces = forces
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """Why the row must end, in one line for the log; None as long as it may go on."""
        return self._failure

    def accept(self, token: int) -> None:
        """The row drew this token."""
        if self._failure is not None:
            return
        try:
            self._constraint.accept(token)
        except ConstraintFailed as error:
            self._failure = str(error)

    def forced(self) -> tuple[int, ...]:
        """The tokens that must come next, now accepted; nothing where there is a choice."""
        if self._failure is not None or not self._forces or self._constraint.is_finished:
            return ()
        try:
            forced = self._constraint.forced()
            for token in forced:
                self._constraint.accept(token)
        except ConstraintFailed as error:
            self._failure = str(error)
            return ()
        return forced

    def mask(self) -> NDArray[np.uint32] | None:
        """What the row may draw next.

        None where there is nothing to mask: the reply is complete, or the constraint failed.
        """
        if self._failure is not None or self._constraint.is_finished:
            return None
        try:
            return self._constraint.mask()
        except ConstraintFailed as error:
            self._failure = str(error)
            return None


def masked(logits: mx.array, masks: Sequence[NDArray[np.uint32] | None]) -> mx.array:
    """Logits (B, V) -> the same, with -inf where a row's mask forbids the token. Rows with None stay."""
    if all(mask is None for mask in masks):
        return logits
    vocabulary_size = logits.shape[-1]
    words = np.full((len(masks), -(-vocabulary_size // _WORD_BITS)), _EVERY_TOKEN, np.uint32)
    for row, mask in enumerate(masks):
        if mask is not None:
            words[row] = mask
    # The bits are unpacked on the device: there they cost little, and 32 times less is copied to it.
    bits = (mx.array(words)[:, :, None] >> mx.arange(_WORD_BITS, dtype=mx.uint32)) & 1
    allowed = bits.reshape(len(masks), -1)[:, :vocabulary_size].astype(mx.bool_)
    return mx.where(allowed, logits, mx.array(-mx.inf, logits.dtype))
