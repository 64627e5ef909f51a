"""Constraints without a grammar, for the engine's tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optiq_server.engine.errors import ConstraintFailed


class ScriptedConstraint:
    """The n-th token must be one of `allowed[n]`; after the last of these the reply is complete.

    `accepted` is what came. The mask cannot be computed once `fails_after` tokens have come.
    """

    def __init__(
        self,
        allowed: Sequence[frozenset[int]],
        *,
        vocabulary_size: int = 512,
        fails_after: int | None = None,
    ) -> None:
        self.accepted: list[int] = []
        self._allowed = allowed
        self._vocabulary_size = vocabulary_size
        self._fails_after = fails_after

    @property
    def is_finished(self) -> bool:
        return len(self.accepted) == len(self._allowed)

    def mask(self) -> NDArray[np.uint32]:
        if len(self.accepted) == self._fails_after:
            raise ConstraintFailed("the script's mask fails")
        bits = np.zeros(-(-self._vocabulary_size // 32) * 32, np.uint8)
        bits[sorted(self._allowed[len(self.accepted)])] = 1
        return np.packbits(bits, bitorder="little").view(np.uint32)

    def accept(self, token: int) -> None:
        if token not in self._allowed[len(self.accepted)]:
            raise ConstraintFailed(f"the script forbids {token}")
        self.accepted.append(token)
