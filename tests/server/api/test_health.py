"""Whether the engine works, and whether it takes requests: over a real socket, in each of its states."""

import asyncio
import itertools
import threading

import pytest

from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.types import EngineState
from tests.server.conftest import RunningServer, Scripted, Serve
from tests.server.doubles import MODEL, Replies, unhurried

_BODY = {"messages": [{"role": "user", "content": "hi"}]}


async def _answers(server: RunningServer) -> list[tuple[int, str]]:
    answers = [await server.http.get(path) for path in ("/health", "/ready")]
    return [(answer.status_code, answer.json()["status"]) for answer in answers]


async def test_a_loaded_model_is_well_and_ready(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        assert await _answers(server) == [(200, "ok"), (200, "ok")]


async def test_a_model_that_is_still_loading_is_neither(serve: Serve, scripted: Scripted) -> None:
    gate = threading.Event()

    def open_backend() -> ScriptedBackend:
        gate.wait()
        return scripted(lambda _: ())

    async with serve(open_backend, until_ready=False) as server:
        answers = await _answers(server)
        gate.set()
        await server.engine.wait_until_settled()

    assert answers == [(503, "loading"), (503, "loading")]


async def test_one_that_finishes_its_replies_is_well_and_takes_no_more(
    serve: Serve, replies: Replies
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        running = asyncio.create_task(server.http.post("/v1/chat/completions", json=_BODY))
        while not backend.inserted:
            await asyncio.sleep(0.005)
        await server.engine.drain(0.0)

        answers = await _answers(server)
        refused = await server.http.post("/v1/chat/completions", json=_BODY)

        server.server.should_exit = True
        await running
    assert answers == [(200, "draining"), (503, "draining")]
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "body"])
async def test_one_whose_worker_died_is_neither_and_its_client_is_told(serve: Serve, *, stream: bool) -> None:
    class Dying(ScriptedBackend):
        def reset(self) -> None:
            raise MemoryError("no room")

    script = Script(tokens=itertools.repeat(5), fault=FaultStage.STEP, fault_after=3)
    async with serve(lambda: Dying(lambda _: script, info=MODEL)) as server:
        answer = await server.http.post("/v1/chat/completions", json={**_BODY, "stream": stream})

        assert await _answers(server) == [(503, "failed"), (503, "failed")]
        assert server.engine.state is EngineState.FAILED
    assert '"code":"internal_error"' in answer.text
    assert "no room" not in answer.text
