"""What breaks other servers: after each of these nothing is left behind, and the next request is answered."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits, GenerationRequest
from tests.server.conftest import RunningServer, Scripted, Serve
from tests.server.doubles import Replies, unhurried

_CHAT = "/v1/chat/completions"
_BODY = {"messages": [{"role": "user", "content": "hi"}]}


async def _until(holds: Callable[[], bool]) -> None:
    """The limit is for a broken server; a working one is here at once."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


async def _is_well(server: RunningServer, backend: ScriptedBackend) -> None:
    """No sequence is left, and a request is answered."""
    await _until(lambda: server.engine.open_generations == 0)
    await _until(lambda: backend.inserted == ())
    answer = await server.http.post(_CHAT, json={**_BODY, "max_tokens": 8})
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def _socket(
    server: RunningServer, body: dict[str, object]
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A chat request on a socket of its own, sent whole."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    content = json.dumps(body).encode()
    head = f"POST {_CHAT} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    await writer.drain()
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_two_hundred_clients_at_once_are_all_answered(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    backend = scripted(lambda _: Script(tokens=replies.final("here"), prefill_steps=2))
    async with serve(lambda: backend, limits=EngineLimits(max_running=8, max_waiting=256)) as server:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as http:
            answers = await asyncio.gather(*(http.post(_CHAT, json=_BODY) for _ in range(200)))
        await _is_well(server, backend)

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["choices"][0]["message"]["content"] for answer in answers} == {"here"}


async def test_more_than_the_queue_holds_are_told_when_to_come_again(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend, limits=EngineLimits(max_running=1, max_waiting=2)) as server:
        asked = [
            asyncio.create_task(server.http.post(_CHAT, json={**_BODY, "max_tokens": 300})) for _ in range(8)
        ]
        answers = await asyncio.gather(*asked)
        await _is_well(server, backend)

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 5
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


async def test_a_reader_that_does_not_read_holds_up_nobody_and_loses_nothing(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    text = "word " * 30_000
    long = replies.final(text)
    scripts = [Script(tokens=long, tokens_per_step=50), Script(tokens=replies.final("quick"))]
    backend = ScriptedBackend(lambda _: scripts.pop(0), info=scripted(lambda _: ()).info)
    async with serve(lambda: backend) as server:
        async with _socket(server, {**_BODY, "stream": True}) as (reader, _):
            await reader.readuntil(b"\r\n\r\n")
            other = await server.http.post(_CHAT, json=_BODY)
            received = bytearray()
            while b"data: [DONE]" not in received:
                received += await reader.read(1 << 16)
        await _until(lambda: server.engine.open_generations == 0)

    pieces = [
        json.loads(line.removeprefix(b"data: "))["choices"][0]["delta"].get("content") or ""
        for line in bytes(received).splitlines()
        if line.startswith(b"data: {") and b'"choices":[{' in line
    ]
    assert other.json()["choices"][0]["message"]["content"] == "quick"
    assert "".join(pieces) in text
    assert len("".join(pieces)) > 10_000


async def test_a_half_closed_socket_is_a_client_that_left(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        async with _socket(server, {**_BODY, "stream": True}) as (reader, writer):
            await reader.readuntil(b"data: ")
            writer.write_eof()
            await _until(lambda: backend.inserted == ())
        await _is_well(server, backend)


@pytest.mark.parametrize(
    "sent", [b"POST /v1/chat", b"POST /v1/chat/completions HTTP/1.1\r\nContent-Le", b"\x00" * 9]
)
async def test_a_client_that_stops_in_the_middle_of_its_request_costs_nothing(
    serve: Serve, scripted: Scripted, replies: Replies, sent: bytes
) -> None:
    backend = scripted(lambda _: replies.final("hi"))
    async with serve(lambda: backend) as server:
        host, port = server.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        await writer.drain()
        writer.close()
        await _is_well(server, backend)


@pytest.mark.parametrize("stage", list(FaultStage))
@pytest.mark.parametrize("after", [0, 5])
async def test_a_failure_at_any_stage_is_one_error_and_the_next_is_answered(
    serve: Serve, scripted: Scripted, replies: Replies, stage: FaultStage, after: int
) -> None:
    failing = Script(tokens=replies.endless_final(), fault=stage, fault_after=after)
    scripts = [failing]

    def play(_: GenerationRequest) -> Script:
        return scripts.pop() if scripts else Script(tokens=replies.final("hi"))

    backend = scripted(play)
    async with serve(lambda: backend) as server:
        answer = await server.http.post(_CHAT, json=_BODY)
        await _is_well(server, backend)

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "script" not in answer.text


async def test_a_backend_out_of_memory_fails_those_that_run_and_serves_those_that_wait(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    hold = threading.Event()
    scripts = [Script(tokens=replies.endless_final(), fault=FaultStage.STEP, fault_after=3)]

    def play(_: GenerationRequest) -> Script:
        return scripts.pop() if scripts else Script(tokens=replies.final("hi"))

    backend = ScriptedBackend(play, info=scripted(lambda _: ()).info, pace=hold.wait)
    async with serve(lambda: backend, limits=EngineLimits(max_running=1)) as server:
        first = asyncio.create_task(server.http.post(_CHAT, json=_BODY))
        await _until(lambda: len(backend.inserted) == 1)
        second = asyncio.create_task(server.http.post(_CHAT, json=_BODY))
        await _until(lambda: server.engine.open_generations == 2)
        hold.set()
        answers = await asyncio.gather(first, second)

    assert [answer.status_code for answer in answers] == [500, 200]


async def test_a_clock_that_jumps_ends_replies_in_time_and_no_others(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    now = [0.0]
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend, clock=lambda: now[0], time_limit=100.0) as server:
        late = asyncio.create_task(server.http.post(_CHAT, json=_BODY))
        await _until(lambda: len(backend.inserted) == 1)
        now[0] = -1e9
        await asyncio.sleep(0.02)
        assert not late.done()
        now[0] = 1e9
        answer = await late
        await _is_well(server, backend)

    assert answer.status_code == 504
