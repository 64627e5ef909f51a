"""Server-sent events: the bytes, and the response that sends them. Knows no endpoint.

The only importer of sse_starlette, which rebinds uvicorn's exit handler when it is imported, so that a signal
cancels every stream in the middle. `leave_shutdown_to_the_server` switches that off: here the engine ends
each reply first, and a stream closes by itself after its last event.
"""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import AppStatus
from starlette.types import Message

logger = logging.getLogger(__name__)

DONE = b"data: [DONE]\n\n"
"""The last event of a stream of chat completions."""

_PING_INTERVAL_SECONDS = 15.0
"""Below the 30 s after which the strictest proxies and clients give up on a silent connection."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def event(data: Mapping[str, object], name: str | None = None) -> bytes:
    """One event, named where the protocol wants it. JSON escapes line ends, so the data is one line."""
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + _encode(data).encode() + b"\n\n"


def leave_shutdown_to_the_server() -> None:
    """Keep sse_starlette from cancelling streams at a signal. Holds for the whole process."""
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # it has no annotations


class EventStream(EventSourceResponse):
    """Sends what `frames` yields (whole events), with a comment every 15 s, whatever the frames do.

    If the client goes away, `on_gone` is called and the frames are closed. `fault` is sent in place of the
    rest if the frames raise, because the status is already sent.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        on_gone: Callable[[], None],
        fault: bytes,
        ping_interval: float = _PING_INTERVAL_SECONDS,
    ) -> None:
        async def tell_gone(_: Message) -> None:
            on_gone()

        super().__init__(
            _ended_by(frames, fault),
            ping=ping_interval,
            ping_message_factory=_ping,
            client_close_handler_callable=tell_gone,
        )


async def _ended_by(frames: AsyncGenerator[bytes, None], fault: bytes) -> AsyncGenerator[bytes, None]:
    async with aclosing(frames):
        try:
            async for frame in frames:
                yield frame
        except Exception:
            logger.exception("a stream broke off")
            yield fault


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="ping", sep="\n")
