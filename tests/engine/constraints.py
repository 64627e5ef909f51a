"""Constraints without a grammar, for the engine's tests."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from optiq_server.engine.errors import ConstraintFailed


class ScriptedConstraint:
    """The n-th token must be one of `allowed[n]`; after the last of these the reply is complete.

    Sets of one are forced when `forces`; `accepted` is what came. The mask cannot be computed once
    `fails_after` tokens have come.
    """

    def __init__(
        self,
        allowed: Sequence[frozenset[int]],
        *,
        vocabulary_size: int = 512,
        fails_after: int | None = None,
        forces: bool = False,
    ) -> None:
        self.accepted: list[int] = []
        self._allowed = allowed
        self._vocabulary_size = vocabulary_size
        self._fails_after = fails_after
        self._forces = forces

    @property
    def is_finished(self) -> bool:
        return len(self.accepted) == len(self._allowed)

    def mask(self) -> NDArray[np.uint32]:
        if len(self.accepted) == self._fails_after:
            raise ConstraintFailed("the script's mask fails")
        bits = np.zeros(-(-self._vocabulary_size // 32) * 32, np.uint8)
        bits[sorted(self._allowed[len(self.accepted)])] = 1
        return np.packbits(bits, bitorder="little").view(np.uint32)

    def forced(self) -> tuple[int, ...]:
        following = self._allowed[len(self.accepted) :] if self._forces else ()
        return tuple(min(each) for each in takewhile(lambda each: len(each) == 1, following))

    def accept(self, token: int) -> None:
        if token not in self._allowed[len(self.accepted)]:
            raise ConstraintFailed(f"the script forbids {token}")
        self.accepted.append(token)
