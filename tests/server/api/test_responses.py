"""Responses as the openai package sees them, over a real socket."""

from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError
from openai.types.responses import (
    ResponseReasoningItem,
)
from pydantic import BaseModel

from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import RememberingModel, Replies
from tests.server.response_events import events_of, names, validated_response
from tests.server.response_tools import ADD
from tests.server.streams import without_comments

_GOLDEN = Path(__file__).parent / "golden"


async def test_a_response_is_given(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    model = RememberingModel(replies, replies.final("42", analysis="17 + 25"))
    async with serve(lambda: scripted(model)) as server:
        response = await server.openai.responses.create(
            model="gpt-5", instructions="Be brief.", input="What is 17 + 25?", metadata={"a": "b"}
        )

    reasoning, message = response.output
    assert isinstance(reasoning, ResponseReasoningItem)
    assert reasoning.content is not None
    assert [part.text for part in reasoning.content] == ["17 + 25"]
    assert message.type == "message"
    assert message.status == "completed"
    assert response.output_text == "42"
    assert (response.status, response.model) == ("completed", "optiq/scripted")
    assert response.id.startswith("resp_")
    assert response.metadata == {"a": "b"}
    assert "# Instructions\n\nBe brief." in model.prompts[0]
    assert "<|start|>user<|message|>What is 17 + 25?<|end|>" in model.prompts[0]


async def test_usage_counts_what_was_computed(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("42", analysis="17 + 25")
    requests: list[GenerationRequest] = []

    def record(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return reply

    async with serve(lambda: scripted(record)) as server:
        response = await server.openai.responses.create(model="m", input="hi")

    assert response.usage is not None
    assert response.usage.input_tokens == len(requests[0].prompt)
    assert response.usage.output_tokens == len(reply)
    assert response.usage.total_tokens == len(requests[0].prompt) + len(reply)
    assert response.usage.output_tokens_details.reasoning_tokens == len(replies.encode("17 + 25"))
    assert response.usage.input_tokens_details.cached_tokens == 0


async def test_the_events_are_openais_and_end_in_the_body(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call("add", '{"a":1,"b":2}', analysis="so", preamble="Adding.")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(
            "/v1/responses", json={"input": "add", "tools": [ADD, {"type": "web_search"}], "stream": True}
        )
        response_id = events_of(answer.text)[-1]["response"]["id"]
        stored = await server.http.get(f"/v1/responses/{response_id}")

    events = events_of(answer.text)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    body = events[-1]["response"]
    assert body["output"] == done
    assert body["tools"] == [ADD, {"type": "web_search"}]
    assert [(item["type"], item["status"]) for item in done] == [
        ("reasoning", "completed"),
        ("message", "completed"),
        ("function_call", "completed"),
    ]
    assert stored.json() == body


async def test_the_bytes_of_a_stream_are_as_recorded(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call("add", '{"a":1,"b":2}', analysis="so", preamble="Adding \N{EN DASH} \N{SNOWMAN}\n")
    async with serve(lambda: scripted(lambda _: Script(tokens=reply, tokens_per_step=100))) as server:
        answer = await server.http.post(
            "/v1/responses", json={"input": "add", "tools": [ADD], "stream": True}
        )

    assert without_comments(answer.text) == (_GOLDEN / "response.sse").read_text()


async def test_the_sdks_stream_puts_the_same_response_together(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.final("It is forty-two. \N{SNOWMAN}", analysis="17 + 25, carry the one")
    async with (
        serve(lambda: scripted(lambda _: reply)) as server,
        server.openai.responses.stream(model="m", input="hi") as stream,
    ):
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        response = await stream.get_final_response()

    assert "".join(deltas) == response.output_text == "It is forty-two. \N{SNOWMAN}"


async def test_parse_gives_the_pydantic_model(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    class Place(BaseModel):
        name: str
        city: str

    model = RememberingModel(replies, replies.final('{"name":"Ada","city":"Rome"}', analysis="I know her."))
    async with serve(lambda: scripted(model)) as server:
        response = await server.openai.responses.parse(model="m", input="Where is Ada?", text_format=Place)

    assert response.output_parsed == Place(name="Ada", city="Rome")
    assert "# Response Formats\n\n## Place\n\n{" in model.prompts[0]


async def test_a_stored_item_may_be_referred_to(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    model = RememberingModel(replies, replies.final("I am OptiQ."), replies.final("Yes."))
    async with serve(lambda: scripted(model)) as server:
        first = await server.openai.responses.create(model="m", input="Who are you?")
        await server.openai.responses.create(
            model="m",
            input=[
                {"type": "item_reference", "id": first.output[0].id or ""},
                {"role": "user", "content": "Really?"},
            ],
        )

    assert "final<|message|>I am OptiQ.<|end|><|start|>user<|message|>Really?" in model.prompts[1]


async def test_a_reply_that_was_cut_is_incomplete(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    body = {"input": "think", "max_output_tokens": 10}
    async with serve(lambda: scripted(lambda _: Script(tokens=replies.endless_analysis()))) as server:
        answer = await server.http.post("/v1/responses", json={**body, "stream": True})
        whole = await server.openai.responses.create(model="m", input="think", max_output_tokens=10)

    events = events_of(answer.text)
    assert names(events)[-2:] == ["output_item.done", "incomplete"]
    response = validated_response(events[-1]["response"])
    assert response.status == whole.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == " hm" * 7
    assert whole.usage is not None
    assert whole.usage.output_tokens == 10


async def test_a_failure_after_the_first_byte_is_a_failed_response(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.endless_final(), fault=FaultStage.SEQUENCE, fault_after=6)
    async with serve(lambda: scripted(lambda _: script)) as server:
        answer = await server.http.post("/v1/responses", json={"input": "hi", "stream": True})
        stream = await server.openai.responses.create(model="m", input="hi", stream=True)
        last = [event async for event in stream][-1]

    events = events_of(answer.text)
    assert answer.status_code == 200
    assert names(events)[-1] == "failed"
    assert names(events).count("failed") == 1
    assert events[-1]["response"]["status"] == "failed"
    assert events[-1]["response"]["error"]["code"] == "server_error"
    assert last.type == "response.failed"


async def test_a_conversation_that_is_too_long_is_refused_or_truncated(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = RememberingModel(replies, replies.final("ok"))
    long = "word " * 2500
    items: list[Any] = [
        {"role": "user", "content": f"first {long}"},
        {"role": "assistant", "content": "noted"},
        {"role": "user", "content": f"second {long}"},
        {"role": "user", "content": "third"},
    ]
    async with serve(lambda: scripted(model)) as server:
        create = server.openai.responses.create
        with pytest.raises(BadRequestError) as caught:
            await create(model="m", instructions="Be brief.", input=items)
        response = await create(model="m", instructions="Be brief.", input=items, truncation="auto")

    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "input")
    assert response.output_text == "ok"
    assert "Be brief." in model.prompts[0]
    assert "first" not in model.prompts[0]
    assert "noted" not in model.prompts[0]
    assert model.prompts[0].index("second") < model.prompts[0].index("third")


async def test_what_codex_sends_is_answered(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    patch = "*** Begin Patch\n*** End Patch\n"
    lark = 'start: "*** Begin Patch" LF "*** End Patch" LF?\n\n%import common.LF\n'
    body = {
        "model": "gpt-5-codex",
        "instructions": "You are a coding agent.",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "fix it"}]},
        ],
        "tools": [
            {"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}},
            {"type": "web_search", "external_web_access": False},
            {"type": "image_generation", "output_format": "png"},
            {
                "type": "namespace",
                "name": "mcp",
                "description": "",
                "tools": [{"type": "function", "name": "x"}],
            },
            {
                "type": "custom",
                "name": "apply_patch",
                "description": "Edits files.",
                "format": {"type": "grammar", "syntax": "lark", "definition": lark},
            },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto", "context": "all_turns"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "1"},
        "service_tier": "priority",
    }
    async with serve(lambda: scripted(lambda _: replies.custom_call("apply_patch", patch))) as server:
        answer = await server.http.post("/v1/responses", json=body)

    response = events_of(answer.text)[-1]["response"]
    assert response["output"][0]["input"] == patch
    assert response["tools"] == body["tools"]
    assert response["store"] is False
