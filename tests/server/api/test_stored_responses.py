"""Stored responses over HTTP: got, listed, deleted, made in the background and cancelled."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openai import BadRequestError, NotFoundError
from openai.types.responses import ResponseItemList

from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.response_file import StoredResponse
from optiq_server.response_store import ResponseStore
from tests.server.conftest import STORE_NAME, RunningServer, Scripted, Serve
from tests.server.doubles import Replies, unhurried
from tests.server.response_events import validated_response


async def _until(holds: Callable[[], bool]) -> None:
    """The limit is for a broken server; a working one is here at once."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


async def _settled(server: RunningServer, response_id: str) -> str | None:
    """The status of a response once it is no longer in progress."""
    async with asyncio.timeout(20):
        while True:
            response = await server.openai.responses.retrieve(response_id)
            if response.status != "in_progress":
                return response.status
            await asyncio.sleep(0.005)


async def test_a_response_can_be_got_again_until_it_is_deleted(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi", analysis="hm"))) as server:
        responses = server.openai.responses
        made = await responses.create(model="m", input="hi")
        got = await responses.retrieve(made.id)
        await responses.delete(made.id)

        with pytest.raises(NotFoundError) as caught:
            await responses.retrieve(made.id)

    assert got == made
    assert (caught.value.code, caught.value.param) == ("response_not_found", "response_id")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_response_is_404(serve: Serve, scripted: Scripted, method: str) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.request(method, "/v1/responses/resp_none")
        listed = await server.http.get("/v1/responses/resp_none/input_items")
        cancelled = await server.http.post("/v1/responses/resp_none/cancel")

    assert [each.status_code for each in (answer, listed, cancelled)] == [404, 404, 404]


async def test_store_false_leaves_nothing_behind(
    serve: Serve, scripted: Scripted, replies: Replies, tmp_path: Path
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi", store=False)

        with pytest.raises(NotFoundError):
            await server.openai.responses.retrieve(made.id)
        with pytest.raises(BadRequestError) as caught:
            await server.openai.responses.create(model="m", input="hi", previous_response_id=made.id)

    assert caught.value.code == "previous_response_not_found"
    assert b"hi" not in (tmp_path / STORE_NAME).read_bytes()


async def test_without_a_store_responses_are_made_and_none_is_kept(
    serve: Serve, scripted: Scripted, replies: Replies, tmp_path: Path
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi")), stores=False) as server:
        made = await server.openai.responses.create(model="m", input="hi")
        got = await server.http.get(f"/v1/responses/{made.id}")
        gone_on = await server.http.post(
            "/v1/responses", json={"input": "hi", "previous_response_id": made.id}
        )
        behind = await server.http.post("/v1/responses", json={"input": "hi", "background": True})

    assert made.output_text == "hi"
    assert got.status_code == 404
    assert gone_on.json()["error"]["code"] == "previous_response_not_found"
    assert (behind.status_code, behind.json()["error"]["param"]) == (400, "background")
    assert not (tmp_path / STORE_NAME).exists()


async def test_a_response_outlives_the_server(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")

    async with serve(lambda: scripted(lambda _: ())) as server:
        got = await server.openai.responses.retrieve(made.id)

    assert got == made


async def test_input_items_are_all_that_was_said_before_in_pages(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hello"))) as server:
        responses = server.openai.responses
        first = await responses.create(model="m", input="one")
        second = await responses.create(
            model="m",
            previous_response_id=first.id,
            input=[
                {"role": "developer", "content": "two"},
                {"role": "user", "content": [{"type": "input_text", "text": "three"}]},
            ],
        )
        answer = await server.http.get(f"/v1/responses/{second.id}/input_items")
        ascending = [item async for item in responses.input_items.list(second.id, order="asc", limit=2)]
        page = await responses.input_items.list(second.id, limit=1, after=ascending[2].id or "")

    ResponseItemList.model_validate_json(answer.text, strict=True)
    descending = answer.json()["data"]
    assert [item["content"][0]["text"] for item in descending] == ["three", "two", "hello", "one"]
    assert answer.json()["has_more"] is False
    assert [item.id for item in ascending] == [item["id"] for item in reversed(descending)]
    assert [item.id for item in page.data] == [ascending[1].id]


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=msg_none", "after")],
)
async def test_a_bad_page_is_refused_by_name(
    serve: Serve, scripted: Scripted, replies: Replies, query: str, param: str
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")
        answer = await server.http.get(f"/v1/responses/{made.id}/input_items?{query}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_stored_response_is_not_streamed(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")
        answer = await server.http.get(f"/v1/responses/{made.id}?stream=true")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream")


async def test_a_background_response_is_made_without_its_client(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi", analysis="hm"))) as server:
        begun = await server.openai.responses.create(model="m", input="hi", background=True)
        status = await _settled(server, begun.id)
        made = await server.openai.responses.retrieve(begun.id)

    assert (begun.status, begun.output) == ("in_progress", [])
    assert status == "completed"
    assert made.output_text == "hi"
    assert made.background is True


async def test_a_background_response_can_be_cancelled_and_then_stays_so(
    serve: Serve, replies: Replies
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        begun = await server.openai.responses.create(model="m", input="hi", background=True)
        await _until(lambda: len(backend.inserted) == 1)

        cancelled = await server.openai.responses.cancel(begun.id)
        again = await server.openai.responses.cancel(begun.id)
        got = await server.openai.responses.retrieve(begun.id)

        assert backend.inserted == ()

    assert cancelled.status == again.status == got.status == "cancelled"
    assert cancelled.error is None
    validated_response(json.loads(cancelled.model_dump_json(exclude_unset=True)))


async def test_a_running_response_that_is_deleted_ends(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        begun = await server.openai.responses.create(model="m", input="hi", background=True)
        await _until(lambda: len(backend.inserted) == 1)

        await server.openai.responses.delete(begun.id)

        assert backend.inserted == ()
        assert (await server.http.get(f"/v1/responses/{begun.id}")).status_code == 404


async def test_only_background_responses_can_be_cancelled(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")

        with pytest.raises(BadRequestError) as caught:
            await server.openai.responses.cancel(made.id)

    assert caught.value.param == "response_id"


async def test_a_background_response_that_breaks_off_has_failed(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final(), fault=FaultStage.SEQUENCE, fault_after=6)
    async with serve(lambda: scripted(lambda _: script)) as server:
        begun = await server.openai.responses.create(model="m", input="hi", background=True)

        assert await _settled(server, begun.id) == "failed"


async def test_a_shutdown_ends_background_responses_and_says_so(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        begun = await server.openai.responses.create(model="m", input="hi", background=True)
        await _until(lambda: len(backend.inserted) == 1)

    async with serve(lambda: scripted(lambda _: ())) as server:
        got = await server.openai.responses.retrieve(begun.id)

    assert got.status == "failed"
    assert got.error is not None
    assert "shutting down" in got.error.message


async def test_a_response_whose_server_was_killed_has_failed(
    serve: Serve, scripted: Scripted, replies: Replies, tmp_path: Path
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi", background=True)
        await _settled(server, made.id)
        kept = (await server.http.get(f"/v1/responses/{made.id}")).json()
    store = ResponseStore(tmp_path / STORE_NAME, clock=lambda: 1_700_000_000)
    lost = StoredResponse(
        id="resp_lost",
        created=1_700_000_000,
        previous=None,
        response={**kept, "id": "resp_lost", "status": "in_progress", "output": []},
        items=[],
    )
    await store.put(lost)
    await store.close()

    async with serve(lambda: scripted(lambda _: ())) as server:
        got = await server.openai.responses.retrieve("resp_lost")
        cancelled = await server.openai.responses.cancel("resp_lost")
        gone_on = await server.http.post(
            "/v1/responses", json={"input": "hi", "previous_response_id": "resp_lost"}
        )

    assert got.status == cancelled.status == "failed"
    assert gone_on.status_code == 400


async def test_a_damaged_file_is_set_aside_and_costs_no_reply(
    serve: Serve, scripted: Scripted, replies: Replies, tmp_path: Path
) -> None:
    (tmp_path / STORE_NAME).write_bytes(b"no database" * 1000)
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")
        got = await server.openai.responses.retrieve(made.id)

    assert got == made
    assert (tmp_path / f"{STORE_NAME}.damaged").read_bytes().startswith(b"no database")


async def test_a_file_that_cannot_be_opened_costs_no_reply(
    serve: Serve, scripted: Scripted, replies: Replies, tmp_path: Path
) -> None:
    (tmp_path / STORE_NAME).mkdir()
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        made = await server.openai.responses.create(model="m", input="hi")
        got = await server.http.get(f"/v1/responses/{made.id}")

    assert made.output_text == "hi"
    assert (got.status_code, got.json()["error"]["code"]) == (503, "store_unavailable")
