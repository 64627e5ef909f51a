"""One generation as its reader sees it: events that arrive, and a way to end it early.

Lives on the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from optiq_server.engine.types import Ended, GenerationEvent, GenerationRequest, Tokens


class Mailbox:
    """Where the engine puts a generation's events until they are read. Nothing follows an Ended.

    Unread tokens are joined, so a slow reader costs a few bytes a token and gets fewer, longer events.
    """

    def __init__(self) -> None:
        self._events: deque[GenerationEvent] = deque()
        self._arrived = asyncio.Event()
        self._completion_tokens = 0
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    @property
    def completion_tokens(self) -> int:
        """How many tokens were put in so far."""
        return self._completion_tokens

    def put(self, event: GenerationEvent) -> None:
        if self._has_ended:
            return
        match event:
            case Tokens(ids=ids, logprobs=logprobs):
                self._completion_tokens += len(ids)
                if self._events and isinstance(last := self._events[-1], Tokens):
                    self._events[-1] = Tokens(ids=last.ids + ids, logprobs=last.logprobs + logprobs)
                else:
                    self._events.append(event)
            case Ended():
                self._has_ended = True
                self._events.append(event)
        self._arrived.set()

    async def take(self) -> GenerationEvent | None:
        """The next event; None once the Ended was taken."""
        while not self._events:
            if self._has_ended:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()


class Generation:
    """An async iterator over a request's events: Tokens as they come, then one Ended, then it stops.

    For one reader. Read it inside `async with`: leaving the block cancels what is not finished, so neither
    a `break`, an exception nor a cancelled task leaves a sequence running. A generation that is simply
    dropped is cancelled when it is collected.
    """

    def __init__(
        self, *, request: GenerationRequest, mailbox: Mailbox, on_cancel: Callable[[], None]
    ) -> None:
        self.request = request
        self._mailbox = mailbox
        self._on_cancel = on_cancel
        self._cancelled = False

    def cancel(self) -> None:
        """End it within one step of the worker. Its events still end with one Ended.

        May be called again, or too late.
        """
        if not self._cancelled and not self._mailbox.has_ended:
            self._cancelled = True
            self._on_cancel()

    async def aclose(self) -> None:
        self.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> GenerationEvent:
        event = await self._mailbox.take()
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        self.cancel()
