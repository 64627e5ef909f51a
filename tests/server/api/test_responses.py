"""Responses as the openai package sees them, over a real socket."""

from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError
from openai.types.responses import (
    CustomToolParam,
    FunctionToolParam,
    ResponseFunctionToolCall,
    ResponseReasoningItem,
)
from pydantic import BaseModel

from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies
from tests.server.response_events import events_of, names, validated_response
from tests.server.streams import without_comments

_GOLDEN = Path(__file__).parent / "golden"

ADD: FunctionToolParam = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}
SHELL: CustomToolParam = {
    "type": "custom",
    "name": "shell",
    "format": {"type": "grammar", "syntax": "regex", "definition": "ls( -[a-z])*"},
}


class _Model:
    """A scripted model that remembers its prompts."""

    def __init__(self, replies: Replies, *script: tuple[int, ...]) -> None:
        self.prompts: list[str] = []
        self._replies = replies
        self._script = script

    def __call__(self, request: GenerationRequest) -> tuple[int, ...]:
        self.prompts.append(self._replies.prompt_text(request.prompt))
        return self._script[len(self.prompts) - 1]


async def test_a_response_is_given(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    model = _Model(replies, replies.final("42", analysis="17 + 25"))
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

    model = _Model(replies, replies.final('{"name":"Ada","city":"Rome"}', analysis="I know her."))
    async with serve(lambda: scripted(model)) as server:
        response = await server.openai.responses.parse(model="m", input="Where is Ada?", text_format=Place)

    assert response.output_parsed == Place(name="Ada", city="Rome")
    assert "# Response Formats\n\n## Place\n\n{" in model.prompts[0]


async def test_a_stateless_tool_loop_ends_in_an_answer(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = _Model(
        replies,
        replies.call("add", '{"a":1,"b":2}', analysis="use the tool", preamble="Adding."),
        replies.final("3"),
    )
    async with serve(lambda: scripted(model)) as server:
        create = server.openai.responses.create
        asked = await create(model="m", input="1 + 2?", tools=[ADD], store=False)
        call = asked.output[-1]
        assert isinstance(call, ResponseFunctionToolCall)
        answered = await create(
            model="m",
            input=[
                {"role": "user", "content": "1 + 2?"},
                *[item.model_dump() for item in asked.output],  # type: ignore[list-item]  # as its docs do
                {"type": "function_call_output", "call_id": call.call_id, "output": "3"},
            ],
            tools=[ADD],
            store=False,
        )

    assert (call.name, call.arguments) == ("add", '{"a":1,"b":2}')
    assert answered.output_text == "3"
    assert (
        "<|channel|>analysis<|message|>use the tool<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>Adding.<|end|>"
        "<|start|>assistant to=functions.add<|channel|>commentary <|constrain|>json<|message|>"
        '{"a":1,"b":2}<|call|><|start|>functions.add to=assistant<|channel|>commentary<|message|>3<|end|>'
    ) in model.prompts[1]


async def test_a_tool_loop_goes_on_from_a_stored_response(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = _Model(
        replies,
        replies.call("add", '{"a":1,"b":2}', analysis="use the tool"),
        replies.final("3"),
        replies.final("You are welcome."),
    )
    async with serve(lambda: scripted(model)) as server:
        create = server.openai.responses.create
        asked = await create(model="m", input="1 + 2?", instructions="Be brief.", tools=[ADD])
        call = asked.output[-1]
        assert isinstance(call, ResponseFunctionToolCall)
        answered = await create(
            model="m",
            previous_response_id=asked.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "3"}],
            tools=[ADD],
        )
        thanked = await create(model="m", previous_response_id=answered.id, input="Thanks.")

    assert answered.previous_response_id == asked.id
    assert (answered.output_text, thanked.output_text) == ("3", "You are welcome.")
    assert "use the tool" in model.prompts[1]
    assert "Be brief." not in model.prompts[1]
    order = ["1 + 2?", "to=functions.add", "functions.add to=assistant", "final<|message|>3", "Thanks."]
    places = [model.prompts[2].index(each) for each in order]
    assert places == sorted(places)
    assert "use the tool" not in model.prompts[2]


async def test_a_custom_tools_call_is_streamed_and_goes_back_as_text(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = _Model(replies, replies.custom_call("shell", "ls -l"), replies.final("One file."))
    async with serve(lambda: scripted(model)) as server:
        answer = await server.http.post(
            "/v1/responses",
            json={
                "input": "list",
                "tools": [SHELL],
                "tool_choice": {"type": "custom", "name": "shell"},
                "stream": True,
            },
        )
        events = events_of(answer.text)
        call = events[-1]["response"]["output"][0]
        await server.openai.responses.create(
            model="m",
            previous_response_id=events[-1]["response"]["id"],
            input=[{"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "a.txt"}],
            tools=[SHELL],
        )

    assert names(events)[2:-1] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "shell", "ls -l")
    assert (
        "<|start|>assistant to=functions.shell<|channel|>commentary<|message|>ls -l<|call|>"
        "<|start|>functions.shell to=assistant<|channel|>commentary<|message|>a.txt<|end|>"
    ) in model.prompts[1]


async def test_encrypted_content_carries_the_reasoning_back(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = _Model(replies, replies.call("add", '{"a":1,"b":2}', analysis="a thought"), replies.final("3"))
    async with serve(lambda: scripted(model)) as server:
        create = server.openai.responses.create
        asked = await create(
            model="m", input="1 + 2?", tools=[ADD], store=False, include=["reasoning.encrypted_content"]
        )
        reasoning, call = asked.output
        assert isinstance(reasoning, ResponseReasoningItem)
        assert isinstance(call, ResponseFunctionToolCall)
        assert reasoning.encrypted_content is not None
        await create(
            model="m",
            store=False,
            tools=[ADD],
            input=[
                {"role": "user", "content": "1 + 2?"},
                {
                    "type": "reasoning",
                    "id": reasoning.id,
                    "summary": [],
                    "encrypted_content": reasoning.encrypted_content,
                },
                {
                    "type": "function_call",
                    "call_id": call.call_id,
                    "name": call.name,
                    "arguments": call.arguments,
                },
                {"type": "function_call_output", "call_id": call.call_id, "output": "3"},
            ],
        )

    assert "<|channel|>analysis<|message|>a thought<|end|>" in model.prompts[1]


async def test_a_stored_item_may_be_referred_to(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    model = _Model(replies, replies.final("I am OptiQ."), replies.final("Yes."))
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
    model = _Model(replies, replies.final("ok"))
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
