"""Who is told how far an evaluation is. How that is shown, it does not know."""

from typing import Protocol


class Progress(Protocol):
    """Is told of phases, one after the other, and of the steps done in each: suites, and their items."""

    def begin(self, phase: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None: ...
