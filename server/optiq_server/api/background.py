"""Responses that are made while nobody waits for them. Lives on the event loop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    task: asyncio.Task[None]
    cancel: Callable[[], None]


class BackgroundResponses:
    """Those that are being made, by their ids. What `start` is given must end soon after `cancel`."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}

    def start(
        self, response_id: str, work: Coroutine[None, None, None], *, cancel: Callable[[], None]
    ) -> None:
        task = asyncio.create_task(work, name=f"background {response_id}")
        self._running[response_id] = _Running(task=task, cancel=cancel)
        task.add_done_callback(lambda _: self._end(response_id, task))

    def is_running(self, response_id: str) -> bool:
        return response_id in self._running

    async def cancel(self, response_id: str) -> None:
        """End it, and wait until it is stored. Nothing happens to one that has ended."""
        running = self._running.get(response_id)
        if running is not None:
            running.cancel()
            await asyncio.wait([running.task])

    async def finish(self) -> None:
        """Wait until all have ended; the engine has been told to end them."""
        if self._running:
            await asyncio.wait([running.task for running in self._running.values()])

    def _end(self, response_id: str, task: asyncio.Task[None]) -> None:
        del self._running[response_id]
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s broke off", response_id, exc_info=task.exception())
