"""What Anthropic's clients are told when something is wrong: its error object, its words, its event."""

import anthropic
import httpx
import pytest
from anthropic.types import MessageParam

from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.engine.types import EngineLimits
from tests.server.anthropic_client import anthropic_client
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies, unhurried
from tests.server.streams import events_in

_MESSAGES = "/v1/messages"
_ASKED: list[MessageParam] = [{"role": "user", "content": "What is the weather?"}]
_BODY: dict[str, object] = {"messages": _ASKED, "max_tokens": 100, "model": "claude-sonnet-5"}


def _error(answer: httpx.Response) -> dict[str, str]:
    body = answer.json()
    assert set(body) == {"type", "error", "request_id"}
    assert body["type"] == "error"
    assert body["request_id"] == answer.headers["request-id"]
    error: dict[str, str] = body["error"]
    assert set(error) == {"type", "message"}
    return error


async def test_a_bad_field_is_400_and_named(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server, anthropic_client(server) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(model="m", max_tokens=0, messages=_ASKED)

    assert caught.value.type == "invalid_request_error"
    assert "'max_tokens' is 0" in str(caught.value.api_message)
    assert str(caught.value.request_id).startswith("req_")


@pytest.mark.parametrize("path", [_MESSAGES, f"{_MESSAGES}/count_tokens"])
async def test_errors_have_anthropics_form_at_these_paths(
    serve: Serve, scripted: Scripted, path: str
) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        malformed = await server.http.post(path, content=b"{", headers={"Content-Type": "application/json"})
        plain = await server.http.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
        method = await server.http.get(path)
        missing = await server.http.post(path, json={"max_tokens": 5})
        elsewhere = await server.http.get(f"{path}/nothing")

    assert (malformed.status_code, _error(malformed)["type"]) == (400, "invalid_request_error")
    assert (plain.status_code, _error(plain)["type"]) == (415, "invalid_request_error")
    assert (method.status_code, _error(method)["type"]) == (405, "invalid_request_error")
    assert (missing.status_code, _error(missing)["message"]) == (400, "'messages' is missing")
    assert elsewhere.json()["error"]["code"] == "unknown_url"


async def test_a_prompt_beyond_the_context_is_told_in_anthropics_words(
    serve: Serve, scripted: Scripted
) -> None:
    messages = [{"role": "user", "content": "word " * 5000}]
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_MESSAGES, json={"messages": messages, "max_tokens": 5})

    assert answer.status_code == 400
    assert _error(answer)["message"].startswith("prompt is too long: ")
    assert _error(answer)["message"].endswith(" tokens > 4096 maximum")


async def test_a_schema_that_cannot_be_enforced_is_refused_by_name(serve: Serve, scripted: Scripted) -> None:
    body = {**_BODY, "output_config": {"format": {"type": "json_schema", "schema": {"not": {}}}}}
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_MESSAGES, json=body)

    assert answer.status_code == 400
    assert _error(answer)["message"].startswith("'output_config.format.schema': ")


async def test_another_model_is_refused_where_names_are_strict(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi")), strict_model=True) as server:
        for path in (_MESSAGES, f"{_MESSAGES}/count_tokens"):
            refused = await server.http.post(path, json=_BODY)
            named = await server.http.post(path, json={**_BODY, "model": "optiq/scripted"})

            assert (refused.status_code, _error(refused)["type"]) == (404, "not_found_error")
            assert named.status_code == 200


async def test_a_full_queue_is_429(serve: Serve, replies: Replies) -> None:
    script = Script(tokens=replies.endless_final())
    limits = EngineLimits(max_running=1, max_waiting=0)
    async with serve(lambda: unhurried(script), limits=limits) as server, anthropic_client(server) as client:
        stream = await client.messages.create(model="m", max_tokens=10**6, messages=_ASKED, stream=True)
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(model="m", max_tokens=5, messages=_ASKED)
        await stream.close()

    assert caught.value.type == "rate_limit_error"
    assert caught.value.response.headers["retry-after"]


@pytest.mark.parametrize("stage", [FaultStage.INSERT, FaultStage.SEQUENCE, FaultStage.STEP])
async def test_a_fault_is_an_api_error_without_internals(
    serve: Serve, scripted: Scripted, stage: FaultStage
) -> None:
    async with serve(lambda: scripted(lambda _: Script(tokens=(), fault=stage))) as server:
        answer = await server.http.post(_MESSAGES, json=_BODY)

    assert (answer.status_code, _error(answer)["type"]) == (500, "api_error")
    assert "script" not in _error(answer)["message"]


async def test_a_fault_after_the_first_byte_is_an_error_event(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final(), fault=FaultStage.SEQUENCE, fault_after=9)
    async with serve(lambda: scripted(lambda _: script)) as server, anthropic_client(server) as client:
        raw = await server.http.post(_MESSAGES, json={**_BODY, "stream": True})
        with pytest.raises(anthropic.APIStatusError) as caught:
            async for _ in await client.messages.create(
                model="m", max_tokens=100, messages=_ASKED, stream=True
            ):
                pass

    last = events_in(raw.text)[-1]
    assert last.startswith('event: error\ndata: {"type":"error","error":{"type":"api_error"')
    assert caught.value.type == "api_error"
