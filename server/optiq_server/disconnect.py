"""Notices that a client has gone while its reply is being made. Plain ASGI; knows no request and no reply."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def on_disconnect(receive: Receive, call: Callable[[], None]) -> AsyncIterator[None]:
    """Inside the block, `call` is called once if the client goes away.

    The request's body must have been read. The block itself is not interrupted: what it waits for is
    expected to end because of `call`.
    """
    watcher = asyncio.create_task(_watch(receive, call), name="disconnect watcher")
    try:
        yield
    finally:
        watcher.cancel()


async def _watch(receive: Receive, call: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    call()
