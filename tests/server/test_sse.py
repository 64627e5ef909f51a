"""Server-sent events: bytes, comments while nothing happens, and a fault in the middle."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.sse import EventStream, event
from tests.server.asgi import ScriptedClient

_FAULT = b"data: broken\n\n"


def _stream(
    frames: AsyncGenerator[bytes, None], client: ScriptedClient, *, ping_interval: float = 60.0
) -> EventStream:
    return EventStream(frames, on_gone=client.leave, fault=_FAULT, ping_interval=ping_interval)


async def _serve(stream: EventStream, client: ScriptedClient) -> None:
    await stream({"type": "http", "method": "POST"}, client.receive, client.send)


def test_an_event_is_one_compact_line() -> None:
    assert event({"text": "Zürich\n\u2028", "n": [1, None]}) == (
        'data: {"text":"Zürich\\n\u2028","n":[1,null]}\n\n'.encode()
    )


def test_an_event_may_have_a_name() -> None:
    assert event({"n": 1}, "response.created") == b'event: response.created\ndata: {"n":1}\n\n'


@given(st.text())
def test_any_text_stays_on_its_line(text: str) -> None:
    written = event({"text": text})

    assert written.count(b"\n") == 2
    assert b"\r" not in written
    assert json.loads(written.removeprefix(b"data: ")) == {"text": text}


async def test_frames_are_sent_as_they_are_and_the_response_is_closed() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        yield b"data: 2\n\ndata: 3\n\n"

    client = ScriptedClient()

    await _serve(_stream(frames(), client), client)

    assert client.sent[0]["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in client.sent[0]["headers"]
    assert [message["body"] for message in client.sent[1:]] == [
        b"data: 1\n\n",
        b"data: 2\n\ndata: 3\n\n",
        b"",
    ]
    assert [message["more_body"] for message in client.sent[1:]] == [True, True, False]


async def test_a_silent_stream_sends_comments() -> None:
    go_on = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        await go_on.wait()
        yield b"data: 1\n\n"

    client = ScriptedClient()
    serving = asyncio.create_task(_serve(_stream(frames(), client, ping_interval=0.001), client))

    await client.until_sent(3)
    go_on.set()
    await serving

    assert client.body.startswith(b": ping\n\n: ping\n\n")
    assert b"data: 1\n\n" in client.body


async def test_nothing_is_left_running_after_the_end() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"

    client = ScriptedClient()

    await _serve(_stream(frames(), client, ping_interval=0.001), client)
    await asyncio.sleep(0)

    assert client.sent[-1]["more_body"] is False
    # sse_starlette keeps one watcher for all streams of a loop.
    left = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - {asyncio.current_task()}}  # type: ignore[union-attr]  # no task here lacks a coroutine
    assert left <= {"_shutdown_watcher"}


async def test_frames_that_raise_end_with_the_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise ZeroDivisionError

    client = ScriptedClient()

    await _serve(_stream(frames(), client), client)

    assert client.body == b"data: 1\n\n" + _FAULT
    assert client.sent[-1]["more_body"] is False
    assert "ZeroDivisionError" in caplog.text


async def test_a_client_that_leaves_is_told_and_its_frames_are_closed() -> None:
    gone, closed = asyncio.Event(), asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    client = ScriptedClient()
    stream = EventStream(frames(), on_gone=gone.set, fault=_FAULT)
    serving = asyncio.create_task(_serve(stream, client))

    await client.until_sent(2)
    client.leave()
    await serving

    assert gone.is_set()
    assert closed.is_set()


async def test_a_cancelled_stream_closes_its_frames() -> None:
    closed = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    client = ScriptedClient()
    serving = asyncio.create_task(_serve(_stream(frames(), client), client))
    await client.until_sent(2)

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert closed.is_set()


async def test_a_send_that_fails_closes_the_frames() -> None:
    closed = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            yield b"data: 2\n\n"
        finally:
            closed.set()

    class BrokenClient(ScriptedClient):
        async def send(self, message: dict[str, object]) -> None:  # type: ignore[override]  # a narrower message
            if "body" in message:
                raise OSError("the connection is gone")

    client = BrokenClient()

    with pytest.raises(OSError, match="gone"):
        await _serve(_stream(frames(), client), client)

    assert closed.is_set()
