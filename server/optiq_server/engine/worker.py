"""The worker: one loop on one thread, the only user of the backend.

Each turn takes the commands that came, ends what is cancelled or overdue, admits, steps the backend once,
and reports the turn's news in one call. It knows no event loop: `report` is how it speaks, `post` is how it
is spoken to.

Commands: Admit, Cancel, Stop.  Reports: Ready, Delivery, Failed, and Closed, always the last one.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeAlias, assert_never

from optiq_server.engine.backend import Backend, Output
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.schedule import Departure, News, Schedule
from optiq_server.engine.sequence import Sequence
from optiq_server.engine.types import EndReason, EngineLimits, ModelInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admit:
    """Queue this sequence."""

    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Cancel:
    """End this sequence, whatever its stage; nothing happens if it has ended."""

    sequence_id: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End every sequence and close the backend."""


Command: TypeAlias = Admit | Cancel | Stop


@dataclass(frozen=True, slots=True)
class Ready:
    """The backend is open."""

    model: ModelInfo


@dataclass(frozen=True, slots=True)
class Delivery:
    """All news of one turn."""

    news: tuple[News, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The backend could not be opened, or the worker died; `reason` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The worker's last word; the backend is closed."""


Report: TypeAlias = Ready | Delivery | Failed | Closed


class Worker:
    """Runs a backend.

    `run` is the thread's whole life; `post` may be called from any thread, even from a finalizer.
    """

    def __init__(
        self,
        *,
        open_backend: Callable[[], Backend],
        limits: EngineLimits,
        clock: Callable[[], float],
        report: Callable[[Report], None],
    ) -> None:
        self._open_backend = open_backend
        self._clock = clock
        self._report = report
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._schedule = Schedule(max_running=limits.max_running)

    def post(self, command: Command) -> None:
        self._inbox.put(command)

    def run(self) -> None:
        """Open, serve until Stop, close. Whatever happens, Closed is reported last."""
        try:
            self._serve()
        except LoadFailed as failure:
            # Whoever started the engine tells it to the user; said twice it reads like two errors.
            logger.info("the model cannot be served: %s", failure)
            self._report(Failed(str(failure)))
        except Exception as error:
            logger.exception("the engine's worker died")
            self._report(Failed(describe(error)))
        finally:
            self._report(Closed())

    def _serve(self) -> None:
        backend = self._open_backend()
        try:
            self._report(Ready(backend.info))
            while self.turn(backend):
                pass
        finally:
            backend.close()

    def turn(self, backend: Backend) -> bool:
        """One turn of the loop, which waits only when there is nothing to do. Returns False once stopped."""
        departures, stopped = self._obey(self._take_commands())
        departures += self._schedule.end(self._schedule.overdue(self._clock()), EndReason.DEADLINE)
        if gone := [departure.sequence_id for departure in departures if departure.was_running]:
            backend.remove(gone)
        departures += self._admit(backend)

        self._deliver(departures, self._step(backend))
        return not stopped

    def _obey(self, commands: list[Command]) -> tuple[list[Departure], bool]:
        """Do what the commands say to the schedule; return who left it, and whether Stop was among them."""
        departures: list[Departure] = []
        stopped = False
        for command in commands:
            match command:
                case Admit(sequence):
                    self._schedule.add(sequence)
                case Cancel(sequence_id):
                    departures += self._schedule.end([sequence_id], EndReason.CANCELLED)
                case Stop():
                    stopped = True
                case _:
                    assert_never(command)
        if stopped:
            departures += self._schedule.end(self._everyone(), EndReason.SHUTDOWN)
        return departures, stopped

    def _take_commands(self) -> list[Command]:
        commands = [self._inbox.get()] if self._schedule.is_idle else []
        while True:
            try:
                commands.append(self._inbox.get_nowait())
            except Empty:
                return commands

    def _admit(self, backend: Backend) -> list[Departure]:
        refused: list[Departure] = []
        for sequence in self._schedule.admit(backend.info):
            try:
                backend.insert(sequence.id, sequence.request)
            except Exception as error:
                logger.exception("request %s was refused by the backend", sequence.request.request_id)
                refused += self._schedule.end([sequence.id], EndReason.FAULT, describe(error))
        return refused

    def _step(self, backend: Backend) -> list[News]:
        """Step the batch. A step that raises leaves nobody to blame alone: all that run end with FAULT."""
        if not self._schedule.has_running:
            return []
        try:
            outputs = backend.step()
        except Exception as error:
            logger.exception("a step of %d sequences failed", len(self._schedule.running))
            lost = self._schedule.end(self._schedule.running, EndReason.FAULT, describe(error))
            backend.reset()
            return [News(sequence_id=each.sequence_id, events=(each.ended,)) for each in lost]
        self._log_faults(outputs)
        return self._schedule.record(outputs)

    def _deliver(self, departures: list[Departure], stepped: list[News]) -> None:
        ended = (News(sequence_id=each.sequence_id, events=(each.ended,)) for each in departures)
        news = (*ended, *stepped)
        if news:
            self._report(Delivery(news))

    def _everyone(self) -> tuple[int, ...]:
        return (*self._schedule.running, *self._schedule.waiting)

    def _log_faults(self, outputs: list[Output]) -> None:
        for output in outputs:
            if output.reason is EndReason.FAULT:
                logger.error("sequence %d failed: %s", output.sequence_id, output.detail)


def describe(error: Exception) -> str:
    """An error as one line for the log and for `Engine.failure`."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
