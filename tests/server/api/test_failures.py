"""One row of the error table a test: the status, and OpenAI's error object."""

import asyncio
import json
import threading
from concurrent.futures import Future

import httpx
import openai
import pytest

from optiq_server.api.body import MAX_BODY_BYTES
from optiq_server.dialect.loaded import LoadedDialect
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits, EngineState, ModelInfo
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies, unhurried
from tests.server.streams import events_in

_CHAT = "/v1/chat/completions"
_BODY = {"messages": [{"role": "user", "content": "hi"}]}
_STREAM = {**_BODY, "stream": True}


def _error(answer: httpx.Response) -> dict[str, str | None]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    error: dict[str, str | None] = body["error"]
    return error


def _last_event(answer: httpx.Response) -> dict[str, dict[str, str | None]]:
    events = events_in(answer.text)
    assert events[-1] == "data: [DONE]"
    last: dict[str, dict[str, str | None]] = json.loads(events[-2].removeprefix("data: "))
    return last


async def test_a_bad_field_is_400_and_named(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_CHAT, json={"messages": [{"role": "user", "content": 5}]})

    assert answer.status_code == 400
    assert _error(answer)["type"] == "invalid_request_error"
    assert _error(answer)["param"] == "messages[0].content"


async def test_the_sdk_raises_its_own_error_for_a_bad_field(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        with pytest.raises(openai.BadRequestError) as caught:
            await server.openai.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}], n=99
            )

    assert (caught.value.param, caught.value.code) == ("n", "invalid_value")


async def test_malformed_json_is_400(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_CHAT, content=b"{", headers={"Content-Type": "application/json"})

    assert (answer.status_code, _error(answer)["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_content_type_is_415(
    serve: Serve, scripted: Scripted, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_CHAT, content=json.dumps(_BODY), headers=headers)

    assert (answer.status_code, _error(answer)["code"]) == (415, "unsupported_media_type")


async def test_a_content_type_with_a_charset_is_fine(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.final("hi")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(
            _CHAT, content=json.dumps(_BODY), headers={"Content-Type": "application/json; charset=utf-8"}
        )

    assert answer.status_code == 200


async def test_a_body_over_the_limit_is_413(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(
            _CHAT, content=b" " * (MAX_BODY_BYTES + 1), headers={"Content-Type": "application/json"}
        )

    assert (answer.status_code, _error(answer)["code"]) == (413, "request_too_large")


async def test_an_unknown_path_is_404(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.get("/v1/nothing")

    assert (answer.status_code, _error(answer)["code"]) == (404, "unknown_url")


async def test_another_method_is_405_and_the_right_one_is_told(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.get(_CHAT)

    assert (answer.status_code, _error(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_prompt_beyond_the_context_is_400(serve: Serve, scripted: Scripted) -> None:
    messages = [{"role": "user", "content": "word " * 5000}]
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_CHAT, json={"messages": messages})

    error = _error(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "4096" in str(error["message"])


async def test_a_schema_that_cannot_be_rendered_is_400_and_named(serve: Serve, scripted: Scripted) -> None:
    schema: dict[str, object] = {"type": "object"}
    for _ in range(80):
        schema = {"type": "object", "properties": {"x": schema}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post(_CHAT, json={**_BODY, "tools": tools})

    assert (answer.status_code, _error(answer)["param"]) == (400, "tools[0]")


async def test_a_model_without_harmonys_vocabulary_is_500_and_logged(
    serve: Serve, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    info = ModelInfo(architecture="gpt_oss", context_length=4096, vocabulary_size=100, weight_bytes=1)
    async with serve(lambda: ScriptedBackend(lambda _: (), info=info)) as server:
        answer = await server.http.post(_CHAT, json=_BODY)

    assert (answer.status_code, _error(answer)["code"]) == (500, "internal_error")
    assert "not in the vocabulary" in caplog.text


@pytest.mark.parametrize("body", [_BODY, _STREAM], ids=["body", "stream"])
async def test_a_full_queue_is_429_with_a_time_to_retry(
    serve: Serve, replies: Replies, body: dict[str, object]
) -> None:
    endless = Script(tokens=replies.endless_final())
    limits = EngineLimits(max_running=1, max_waiting=0)
    async with serve(lambda: unhurried(endless), limits=limits) as server:
        first = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        answer = await server.http.post(_CHAT, json=body)
        await first.close()

    assert (answer.status_code, _error(answer)["code"]) == (429, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("stage", [FaultStage.INSERT, FaultStage.SEQUENCE, FaultStage.STEP])
async def test_a_fault_is_500_without_internals(serve: Serve, scripted: Scripted, stage: FaultStage) -> None:
    async with serve(lambda: scripted(lambda _: Script(tokens=(), fault=stage))) as server:
        answer = await server.http.post(_CHAT, json=_BODY)

    error = _error(answer)
    assert (answer.status_code, error["type"], error["code"]) == (500, "server_error", "internal_error")
    assert "script" not in str(error["message"])


async def test_a_fault_after_the_first_token_travels_in_the_stream(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final(), fault=FaultStage.SEQUENCE, fault_after=6)
    async with serve(lambda: scripted(lambda _: script)) as server:
        answer = await server.http.post(_CHAT, json=_STREAM)

    assert answer.status_code == 200
    assert '"content":" and' in answer.text
    assert _last_event(answer)["error"]["code"] == "internal_error"
    assert 'finish_reason":"' not in answer.text


async def test_the_sdk_raises_when_an_error_comes_in_a_stream(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final(), fault=FaultStage.SEQUENCE, fault_after=6)
    async with serve(lambda: scripted(lambda _: script)) as server:
        stream = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(openai.APIError, match="failed"):
            async for _ in stream:
                pass


async def test_after_a_fault_the_next_request_is_answered(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    scripts = [Script(tokens=(), fault=FaultStage.STEP), Script(tokens=replies.final("hi"))]
    async with serve(lambda: scripted(lambda _: scripts.pop(0))) as server:
        failed = await server.http.post(_CHAT, json=_BODY)
        answered = await server.http.post(_CHAT, json=_BODY)

    assert (failed.status_code, answered.status_code) == (500, 200)


async def test_a_reply_that_takes_too_long_is_504(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    script = Script(tokens=replies.endless_final())
    async with serve(lambda: scripted(lambda _: script), time_limit=0.05) as server:
        answer = await server.http.post(_CHAT, json=_BODY)

    assert (answer.status_code, _error(answer)["code"]) == (504, "timeout")


async def test_a_stream_that_takes_too_long_says_so_at_its_end(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final())
    async with serve(lambda: scripted(lambda _: script), time_limit=0.05) as server:
        answer = await server.http.post(_CHAT, json=_STREAM)

    assert _last_event(answer)["error"]["code"] == "timeout"


async def test_a_server_that_goes_away_ends_a_stream_with_an_error(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with (
        serve(lambda: backend) as server,
        server.http.stream("POST", _CHAT, json=_STREAM) as answer,
    ):
        lines = answer.aiter_lines()
        first = await anext(lines)
        server.server.should_exit = True
        events = [first, *[line async for line in lines if line]]

    assert events[-1] == "data: [DONE]"
    assert json.loads(events[-2].removeprefix("data: "))["error"]["code"] == "shutting_down"


async def test_a_server_that_goes_away_answers_503_to_who_waits(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        waiting = asyncio.create_task(server.http.post(_CHAT, json=_BODY))
        while not backend.inserted:
            await asyncio.sleep(0.005)
        server.server.should_exit = True
        answer = await waiting

    assert (answer.status_code, _error(answer)["code"]) == (503, "shutting_down")


async def test_while_the_model_loads_requests_are_503_with_a_time_to_retry(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    gate = threading.Event()

    def open_backend() -> ScriptedBackend:
        gate.wait()
        return scripted(lambda _: replies.final("hi"))

    async with serve(open_backend, until_ready=False) as server:
        early = await server.http.post(_CHAT, json=_BODY)
        health = await server.http.get("/health")
        gate.set()
        await server.engine.wait_until_settled()
        later = await server.http.post(_CHAT, json=_BODY)

    assert (early.status_code, _error(early)["code"]) == (503, "model_not_ready")
    assert int(early.headers["retry-after"]) >= 1
    assert (health.status_code, health.json()) == (503, {"status": "loading"})
    assert later.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (_CHAT, _BODY),
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/messages", {**_BODY, "max_tokens": 5}),
        ("/v1/messages/count_tokens", _BODY),
        ("/tokenize", {"prompt": "hi"}),
        ("/detokenize", {"tokens": [1]}),
    ],
)
async def test_no_endpoint_speaks_to_a_model_that_is_not_there_yet(
    serve: Serve, scripted: Scripted, path: str, body: dict[str, object]
) -> None:
    gate = threading.Event()

    def open_backend() -> ScriptedBackend:
        gate.wait()
        return scripted(lambda _: ())

    unknown = LoadedDialect(Future())
    async with serve(open_backend, until_ready=False, dialect=unknown) as server:
        answer = await server.http.post(path, json=body)
        gate.set()

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_model_that_failed_to_load_is_503(serve: Serve) -> None:
    def open_backend() -> ScriptedBackend:
        raise LoadFailed("broken")

    async with serve(open_backend, until_ready=False) as server:
        await server.engine.wait_until_settled()
        answer = await server.http.post(_CHAT, json=_BODY)
        health = await server.http.get("/health")

    assert server.engine.state is EngineState.FAILED
    assert (answer.status_code, _error(answer)["code"]) == (503, "model_not_ready")
    assert (health.status_code, health.json()) == (503, {"status": "failed"})
