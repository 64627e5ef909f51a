"""How far a run is, on a terminal as a bar, elsewhere as a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def progress_of(console: Console, name: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives what is to be called once an item has ended."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        with Progress(*columns, *times, console=console) as bar:
            task = bar.add_task(name, total=total)
            yield lambda: bar.advance(task)
        return
    lines = _Lines(console, name, total)
    yield lines.advance


class _Lines:
    """At most one line every 30 seconds, and one at the end."""

    def __init__(self, console: Console, name: str, total: int) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._done = 0
        self._started = self._last = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES and self._done < self._total:
            return
        self._last = now
        left = (now - self._started) / self._done * (self._total - self._done)
        self._console.print(
            f"{self._name}: {self._done} of {self._total}, {left:.0f} s left", highlight=False, soft_wrap=True
        )
