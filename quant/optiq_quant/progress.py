"""How far a long command has come: a bar with the time left for people, lines of JSON for programs.

It knows neither what is done nor how long a step should take. All of it goes to stderr: stdout is the result.
"""

import json
import time
from collections.abc import Callable
from typing import Protocol, TextIO, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Reporter(Protocol):
    """Is told of phases, one after the other, and of the steps done in each. Steps are whatever the phase
    counts: the time left follows from how fast they went so far.
    """

    def begin(self, phase: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None: ...

    def close(self) -> None: ...


class SilentReporter:
    """Tells nobody."""

    def begin(self, phase: str, total: int) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class BarReporter:
    """One bar for each phase, with the time left."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._task: TaskID | None = None

    def begin(self, phase: str, total: int) -> None:
        if self._task is None:
            self._progress.start()
        self._task = self._progress.add_task(phase, total=total)

    def advance(self, steps: int = 1) -> None:
        if self._task is not None:
            self._progress.advance(self._task, steps)

    def close(self) -> None:
        self._progress.stop()


_Told: TypeAlias = Callable[[str, int, int, float | None], str]
"""The line for a phase, the steps done, all of them, and the seconds left."""


class _WritingReporter:
    """Writes how far a phase has come, at most once in `interval` seconds beside the phase's end."""

    def __init__(self, stream: TextIO, *, told: _Told, clock: Callable[[], float], interval: float) -> None:
        self._stream = stream
        self._told = told
        self._clock = clock
        self._interval = interval
        self._phase = ""
        self._done = self._total = 0
        self._began = self._written = clock()

    def begin(self, phase: str, total: int) -> None:
        self._phase, self._done, self._total = phase, 0, total
        self._began = self._written = self._clock()

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        if self._done >= self._total or self._clock() - self._written >= self._interval:
            self._write()

    def close(self) -> None:
        """Nothing is held back."""

    def _write(self) -> None:
        self._written = self._clock()
        line = self._told(self._phase, self._done, self._total, self._seconds_left())
        print(line, file=self._stream, flush=True)

    def _seconds_left(self) -> float | None:
        elapsed = self._written - self._began
        return elapsed / self._done * (self._total - self._done) if self._done else None


class LineReporter(_WritingReporter):
    """For a stream that is no terminal: each phase's end, and a line in `interval` seconds before."""

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, interval: float = 30.0
    ) -> None:
        super().__init__(stream, told=_as_text, clock=clock, interval=interval)


class JsonReporter(_WritingReporter):
    """One object a line: `{"phase", "done", "total", "seconds_left"}`; the last is null until a step is done.

    A phase's first line is written as it begins.
    """

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, interval: float = 0.5
    ) -> None:
        super().__init__(stream, told=_as_json, clock=clock, interval=interval)

    def begin(self, phase: str, total: int) -> None:
        super().begin(phase, total)
        self._write()


def _as_text(phase: str, done: int, total: int, seconds_left: float | None) -> str:
    return f"{phase}: {done} of {total}, {max(0.0, seconds_left or 0.0):.0f} s left"


def _as_json(phase: str, done: int, total: int, seconds_left: float | None) -> str:
    left = None if seconds_left is None else round(seconds_left, 1)
    return json.dumps({"phase": phase, "done": done, "total": total, "seconds_left": left})
