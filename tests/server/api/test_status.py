"""GET /v1/status over a real socket: before, during and after a reply."""

import asyncio
import threading

from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies, unhurried

_BODY = {"messages": [{"role": "user", "content": "hi"}]}


async def test_it_is_answered_while_the_model_loads(serve: Serve, scripted: Scripted) -> None:
    gate = threading.Event()

    def open_backend() -> ScriptedBackend:
        gate.wait()
        return scripted(lambda _: ())

    async with serve(open_backend, until_ready=False) as server:
        answer = await server.http.get("/v1/status")
        gate.set()
        await server.engine.wait_until_settled()

    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["model"]) == ("loading", None)


async def test_a_running_reply_is_there_by_the_clients_id_and_grows(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend, limits=EngineLimits(max_running=1, max_waiting=7)) as server:
        tasks = [
            asyncio.create_task(
                server.http.post("/v1/chat/completions", json=_BODY, headers={"x-request-id": name})
            )
            for name in ("mine-1", "mine-2")
        ]
        async with asyncio.timeout(20):
            status = (await server.http.get("/v1/status")).json()
            while not (status["running"] and status["running"][0]["completion_tokens"] >= 3):
                status = (await server.http.get("/v1/status")).json()
        server.server.should_exit = True
        await asyncio.gather(*tasks)

    (running,) = status["running"]
    assert running["request_id"] in ("mine-1", "mine-2")
    assert running["computed_tokens"] == running["prompt_tokens"] > 0
    assert running["age_seconds"] > 0
    assert status["queue"] == {"waiting": 1, "limit": 7}
    assert status["limits"] == {"max_running": 1, "max_waiting": 7, "time_limit_seconds": 60.0}
    assert status["model"]["id"] == "optiq/scripted"
    assert set(status) == {
        *("version", "state", "uptime_seconds", "model", "queue", "running", "cache", "memory", "limits")
    }
