"""POST /v1/requests/{id}/cancel over a real socket: one request ends another, and its client is told."""

import asyncio
import json

import httpx
import pytest

from optiq_server.engine.scripted_backend import Script
from optiq_server.engine.types import EngineLimits
from tests.server.conftest import RunningServer, Serve
from tests.server.doubles import Replies, unhurried

_ASK = {"role": "user", "content": "hi"}

_BODIES: dict[str, dict[str, object]] = {
    "/v1/chat/completions": {"messages": [_ASK]},
    "/v1/completions": {"prompt": "hi", "max_tokens": 10**9},
    "/v1/messages": {"messages": [_ASK], "max_tokens": 10**9},
    "/v1/responses": {"input": "hi"},
}


async def _cancel(server: RunningServer, name: str) -> httpx.Response:
    """As soon as it runs or waits."""
    async with asyncio.timeout(20):
        while True:
            answer = await server.http.post(f"/v1/requests/{name}/cancel")
            if answer.status_code == 200:
                return answer


@pytest.mark.parametrize("path", _BODIES)
async def test_a_cancelled_body_is_an_error_that_clients_do_not_retry(
    serve: Serve, replies: Replies, path: str
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        asked = asyncio.create_task(
            server.http.post(path, json=_BODIES[path], headers={"x-request-id": "mine"})
        )
        cancelled = await _cancel(server, "mine")
        answer = await asked

        assert server.engine.open_generations == 0

    assert cancelled.json() == {"id": "mine", "cancelled": True}
    assert answer.status_code == 499
    assert "cancelled" in answer.json()["error"]["message"]


async def test_a_cancelled_stream_ends_with_an_error_event(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    body = {**_BODIES["/v1/chat/completions"], "stream": True}
    async with serve(lambda: backend) as server:
        headers = {"x-request-id": "mine"}
        async with server.http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            lines = answer.aiter_lines()
            while not (await anext(lines)).startswith("data: "):
                pass
            await _cancel(server, "mine")
            events = [line.removeprefix("data: ") async for line in lines if line.startswith("data: ")]

    assert json.loads(events[-2])["error"]["code"] == "cancelled"
    assert events[-1] == "[DONE]"


async def test_all_samples_of_a_request_end_and_others_go_on(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    body = {**_BODIES["/v1/chat/completions"], "n": 3}
    async with serve(lambda: backend, limits=EngineLimits(max_running=2, max_waiting=9)) as server:
        asked = [
            asyncio.create_task(
                server.http.post("/v1/chat/completions", json=each, headers={"x-request-id": name})
            )
            for name, each in (("three", body), ("one", _BODIES["/v1/chat/completions"]))
        ]
        async with asyncio.timeout(20):
            while server.engine.open_generations < 4:
                await asyncio.sleep(0.005)
        await _cancel(server, "three")
        first = await asked[0]
        left = server.engine.open_generations
        await _cancel(server, "one")
        await asked[1]

    assert (first.status_code, left) == (499, 1)


async def test_a_request_that_is_not_there_is_404(serve: Serve, replies: Replies) -> None:
    async with serve(lambda: unhurried(Script(tokens=replies.endless_final()))) as server:
        answer = await server.http.post("/v1/requests/nobody/cancel")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "request_not_found")


async def test_another_sites_page_cancels_nothing(serve: Serve, replies: Replies) -> None:
    async with serve(lambda: unhurried(Script(tokens=replies.endless_final()))) as server:
        answer = await server.http.post(
            "/v1/requests/nobody/cancel", headers={"sec-fetch-site": "cross-site"}
        )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_site")
