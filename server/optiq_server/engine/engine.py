"""The engine as the event loop sees it: what is loaded, and one place to submit requests.

Everything here runs on the loop that called `start`. The worker's thread is reached by commands and answers
by reports, one hand-over per step; nothing mutable is shared.
"""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from optiq_server.engine.backend import Backend
from optiq_server.engine.errors import NotReady, PromptTooLong, QueueFull, UnknownBias, UnknownToken
from optiq_server.engine.generation import Generation, Mailbox
from optiq_server.engine.schedule import News
from optiq_server.engine.sequence import Sequence as EngineSequence
from optiq_server.engine.stats import EngineStatus, Observer, Snapshot, Unobserved
from optiq_server.engine.types import (
    Ended,
    EndReason,
    EngineLimits,
    EngineState,
    GenerationEvent,
    GenerationRequest,
    ModelInfo,
    Tokens,
)
from optiq_server.engine.worker import Admit, Cancel, Closed, Delivery, Failed, Ready, Report, Stop, Worker

__all__ = ["Engine", "Generation"]

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A generation that has not ended; `told_at` is when it got tokens last, or was queued."""

    request: GenerationRequest
    mailbox: Mailbox
    told_at: float


class Engine:
    """Serves generations from one backend.

    `open_backend` runs on the worker's thread and loads the weights there, because MLX's streams belong to
    the thread that made them. `clock` gives monotonic seconds for time limits.

    LOADING -> READY | FAILED on what the worker reports; READY -> DRAINING by `drain`; READY | DRAINING ->
    FAILED if the worker dies; LOADING | READY | DRAINING -> STOPPED by `stop`. FAILED and STOPPED are final.
    """

    def __init__(
        self,
        open_backend: Callable[[], Backend],
        limits: EngineLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._state = EngineState.LOADING
        self._model: ModelInfo | None = None
        self._failure: str | None = None
        self._open: dict[int, _Open] = {}
        self._snapshot = Snapshot()
        self._observer: Observer = Unobserved()
        self._started_at = clock()
        self._ids = itertools.count()
        self._settled = asyncio.Event()
        self._ended = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker = Worker(open_backend=open_backend, limits=limits, clock=clock, report=self._hand_over)
        # A daemon, so that a process which must exit is not held by weights that are still loading.
        self._thread = threading.Thread(target=self._worker.run, name="optiq-engine", daemon=True)

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded; None until READY."""
        return self._model

    @property
    def failure(self) -> str | None:
        """Why the engine is FAILED, in one line; None otherwise."""
        return self._failure

    @property
    def open_generations(self) -> int:
        """How many generations have not ended, waiting ones included."""
        return len(self._open)

    @property
    def status(self) -> EngineStatus:
        """Everything that it tells of itself, as the worker last told it."""
        now = self._clock()
        return EngineStatus(
            state=self._state,
            model=self._model,
            limits=self._limits,
            now=now,
            uptime=now - self._started_at,
            snapshot=self._snapshot,
        )

    def start(self, observer: Observer | None = None) -> None:
        """Begin loading. Call it once, on the loop that will read the generations."""
        self._observer = observer or Unobserved()
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def wait_until_settled(self) -> None:
        """Return once the engine is no longer LOADING, whatever it became."""
        await self._settled.wait()

    async def wait_until_ended(self) -> None:
        """Return once the engine is FAILED or STOPPED."""
        await self._ended.wait()

    def submit(self, request: GenerationRequest) -> Generation:
        """Queue one request; see `submit_all`."""
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Queue these requests together.

        Raises NotReady, PromptTooLong, UnknownToken, UnknownBias or QueueFull, and then none was queued.
        """
        for request in requests:
            self._check(request)
        waiting = len(self._open) - self._limits.max_running
        if waiting + len(requests) > self._limits.max_waiting:
            raise QueueFull(waiting=max(0, waiting))
        return [self._queue(request) for request in requests]

    def _queue(self, request: GenerationRequest) -> Generation:
        sequence_id = next(self._ids)
        now = self._clock()
        deadline = None if request.time_limit is None else now + request.time_limit
        mailbox = Mailbox()
        self._open[sequence_id] = _Open(request=request, mailbox=mailbox, told_at=now)
        self._idle.clear()
        self._observer.on_queued(request)
        sequence = EngineSequence(id=sequence_id, request=request, queued_at=now, deadline=deadline)
        self._worker.post(Admit(sequence))
        on_cancel = partial(self._worker.post, Cancel(sequence_id))
        return Generation(request=request, mailbox=mailbox, on_cancel=on_cancel)

    def cancel(self, request_id: str) -> bool:
        """End every generation of this request within one step of the worker; False where it has none."""
        found = [each for each, entry in self._open.items() if entry.request.request_id == request_id]
        for sequence_id in found:
            self._worker.post(Cancel(sequence_id))
        return bool(found)

    async def drain(self, seconds: float) -> None:
        """Take no more requests; return once all have ended, or after so many seconds."""
        if self._state is EngineState.READY:
            self._state = EngineState.DRAINING
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def stop(self) -> None:
        """End every open generation with SHUTDOWN, free the model, join the worker. May be called again.

        Weights that are still loading are waited for: a load cannot be interrupted.
        """
        if self._state is not EngineState.FAILED:
            self._state = EngineState.STOPPED
        self._worker.post(Stop())
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)
        self._close_all(EndReason.SHUTDOWN)
        self._settled.set()
        self._ended.set()

    def _check(self, request: GenerationRequest) -> None:
        if self._state is not EngineState.READY or self._model is None:
            raise NotReady(self._state.value)
        if len(request.prompt) >= self._model.context_length:
            raise PromptTooLong(
                prompt_tokens=len(request.prompt),
                context_length=self._model.context_length,
                is_cut=self._model.is_cut,
            )
        vocabulary_size = self._model.vocabulary_size
        if min(request.prompt) < 0 or max(request.prompt) >= vocabulary_size:
            position, token = next(
                (i, t) for i, t in enumerate(request.prompt) if not 0 <= t < vocabulary_size
            )
            raise UnknownToken(token=token, position=position, vocabulary_size=vocabulary_size)
        for token in request.sampling.logit_bias:
            if not 0 <= token < vocabulary_size:
                raise UnknownBias(token=token, vocabulary_size=vocabulary_size)

    def _hand_over(self, report: Report) -> None:
        """Called on the worker's thread."""
        if self._loop is None:
            raise RuntimeError("the worker spoke before the engine was started")
        try:
            self._loop.call_soon_threadsafe(self._receive, report)
        except RuntimeError:
            # The loop was closed without `stop`: nobody is left to tell, so the worker has nothing more to
            # do.
            logger.warning("the event loop closed while the engine was running")
            self._worker.post(Stop())

    def _receive(self, report: Report) -> None:
        match report:
            case Ready(model, snapshot):
                self._model, self._snapshot = model, snapshot
                if self._state is EngineState.LOADING:
                    self._state = EngineState.READY
                self._settled.set()
            case Delivery(news, snapshot):
                self._snapshot = snapshot or self._snapshot
                now = self._clock()
                for each in news:
                    self._dispatch(each, now)
            case Failed(reason):
                self._fail(reason)
            case Closed():
                if self._state is not EngineState.STOPPED:
                    self._fail("the worker ended")
            case _:
                assert_never(report)

    def _dispatch(self, news: News, now: float) -> None:
        entry = self._open.get(news.sequence_id)
        if entry is None:
            return
        for event in news.events:
            self._observe(entry, event, now)
            entry.mailbox.put(event)
        if entry.mailbox.has_ended:
            del self._open[news.sequence_id]
        if not self._open:
            self._idle.set()

    def _observe(self, entry: _Open, event: GenerationEvent, now: float) -> None:
        match event:
            case Tokens():
                first = entry.mailbox.completion_tokens == 0
                self._observer.on_tokens(event, waited=now - entry.told_at, first=first)
                entry.told_at = now
            case Ended():
                self._observer.on_ended(event)
            case _:
                assert_never(event)

    def _fail(self, reason: str) -> None:
        if self._state is not EngineState.FAILED:
            self._failure = reason
        if self._state is not EngineState.STOPPED:
            self._state = EngineState.FAILED
        self._close_all(EndReason.FAULT, reason)
        self._settled.set()
        self._ended.set()

    def _close_all(self, reason: EndReason, detail: str = "") -> None:
        for entry in self._open.values():
            ended = Ended(
                reason=reason,
                prompt_tokens=len(entry.request.prompt),
                completion_tokens=entry.mailbox.completion_tokens,
                detail=detail,
            )
            self._observer.on_ended(ended)
            entry.mailbox.put(ended)
        self._open.clear()
        self._idle.set()
        self._snapshot = Snapshot()
