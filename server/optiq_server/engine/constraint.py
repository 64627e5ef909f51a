"""A constraint on one generation: which tokens may come next. The protocol is the backends'.

Whoever makes one knows a grammar; the engine sees token ids and bits only. A constraint has state and serves
one generation, on the worker's thread.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # The command line knows requests' types without needing arrays: `optiq --help` loads nothing heavy.
    import numpy as np
    from numpy.typing import NDArray


class Constraint(Protocol):
    """What one reply may still become. Each method may raise ConstraintFailed, which ends the generation."""

    @property
    def is_finished(self) -> bool:
        """Whether the reply is complete: the last accepted token ended it, and no other may follow."""

    def mask(self) -> "NDArray[np.uint32]":
        """The tokens that may come next: token t is bit t % 32 of word t // 32.

        It has one word for each 32 tokens of the model's vocabulary, the last one perhaps not full.
        """

    def forced(self) -> tuple[int, ...]:
        """The tokens that must come next, not yet accepted; none where there is a choice."""

    def accept(self, token: int) -> None:
        """Move on by `token`. Raises ConstraintFailed if it may not come next."""
