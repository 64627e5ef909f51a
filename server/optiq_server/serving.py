"""Runs the application on a listening socket until it is told to stop. Knows no routes and no models.

When a signal comes, nobody is accepted any more; the engine ends every open reply, so that each stream has
its last event; then uvicorn waits for the connections to close. uvicorn's own order would wait for streams
that nobody ends. A second signal ends the process at once.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

_EXIT_CUT_SHORT = 1

_GRACE_SECONDS = 5
"""For clients that read slowly; replies themselves have ended by then."""


class GracefulServer(uvicorn.Server):
    """A uvicorn server that ends replies before it waits for them."""

    def __init__(self, config: uvicorn.Config, *, end_replies: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._end_replies = end_replies

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in self.servers:
            listening.close()
        await self._end_replies()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM. uvicorn would raise them again at the end; here a stop is a success."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for each in signals:
            loop.add_signal_handler(each, self._stop_or_leave)
        try:
            yield
        finally:
            for each in signals:
                loop.remove_signal_handler(each)

    def _stop_or_leave(self) -> None:
        if self.should_exit:
            # Whoever asks twice does not want to wait for anything, a step of the engine included.
            os._exit(_EXIT_CUT_SHORT)
        self.should_exit = True


def graceful_server(app: ASGIApp, *, end_replies: Callable[[], Awaitable[None]]) -> GracefulServer:
    """A server for `app`; `end_replies` must end every open reply."""
    config = uvicorn.Config(
        app,
        # Named, so that what is installed by chance does not change how bytes are sent.
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="on",
        # Logging is configured once, by the command line.
        log_config=None,
        # The application writes its own, with what is known of the reply.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return GracefulServer(config, end_replies=end_replies)
