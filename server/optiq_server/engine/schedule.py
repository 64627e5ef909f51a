"""Who waits, who runs, who has ended and why: the worker's decisions, as values.

Rule 1: a sequence is in exactly one place, waiting or running, until it ends; then it is in none.
Rule 2: sequences start in the order in which they came. One that needs more memory than is left makes those
        behind it wait, for it would wait for ever if they overtook it.
Rule 3: nothing here touches a backend, a clock or a thread; the worker does what is returned.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from optiq_server.engine.backend import Output
from optiq_server.engine.sequence import Sequence
from optiq_server.engine.types import Ended, EndReason, GenerationEvent, ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A sequence that the schedule has let go; `was_running` tells that the backend still holds it."""

    sequence_id: int
    was_running: bool
    ended: Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Events of one sequence, in order."""

    sequence_id: int
    events: tuple[GenerationEvent, ...]


class Schedule:
    """First come, first served, at most `max_running` at once."""

    def __init__(self, *, max_running: int) -> None:
        self._max_running = max_running
        self._waiting: dict[int, Sequence] = {}
        self._running: dict[int, Sequence] = {}

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._running

    @property
    def has_running(self) -> bool:
        return bool(self._running)

    @property
    def running(self) -> tuple[int, ...]:
        return tuple(self._running)

    @property
    def running_sequences(self) -> tuple[Sequence, ...]:
        return tuple(self._running.values())

    @property
    def waiting(self) -> tuple[int, ...]:
        return tuple(self._waiting)

    def add(self, sequence: Sequence) -> None:
        self._waiting[sequence.id] = sequence

    def admit(self, model: ModelInfo) -> list[Sequence]:
        """Move as many as there is room for from waiting to running; return them."""
        admitted = []
        for sequence in list(self._waiting.values()):
            if len(self._running) >= self._max_running or not self._fits(sequence, model):
                break
            del self._waiting[sequence.id]
            self._running[sequence.id] = sequence
            admitted.append(sequence)
        return admitted

    def _fits(self, sequence: Sequence, model: ModelInfo) -> bool:
        """Whether memory holds it beside those that run. One alone fits: the context is cut to that."""
        if model.kv_budget is None or not self._running:
            return True
        together = [*self._running.values(), sequence]
        return model.kv_budget.fits(
            [model.reserved_tokens(each.request, each.completion_tokens) for each in together]
        )

    def overdue(self, now: float) -> list[int]:
        """The ids of those whose time is up, waiting or running."""
        everyone = (*self._running.values(), *self._waiting.values())
        return [sequence.id for sequence in everyone if sequence.is_overdue(now)]

    def end(self, sequence_ids: Iterable[int], reason: EndReason, detail: str = "") -> list[Departure]:
        """Let these go.

        An id that has ended already is passed over: a cancel may cross the end on its way.
        """
        departures = []
        for sequence_id in sequence_ids:
            was_running = sequence_id in self._running
            sequence = self._running.pop(sequence_id, None) or self._waiting.pop(sequence_id, None)
            if sequence is not None:
                ended = sequence.ended(reason, detail)
                departures.append(Departure(sequence_id=sequence_id, was_running=was_running, ended=ended))
        return departures

    def record(self, outputs: Iterable[Output]) -> list[News]:
        """Count a step's outputs; those that ended are let go."""
        news = []
        for output in outputs:
            events = self._running[output.sequence_id].record(output)
            if output.reason is not None:
                del self._running[output.sequence_id]
            if events:
                news.append(News(sequence_id=output.sequence_id, events=tuple(events)))
        return news
