"""Structured replies as the openai package sees them: the scripted backend faults where a reply departs."""

from typing import Any

import pytest
from openai import BadRequestError, InternalServerError
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import RunningServer, Scripted, Serve
from tests.server.doubles import Replies

_QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Where is Ada?"}]


class Place(BaseModel):
    name: str
    city: str


def _tool(name: str, *, strict: bool = True, **properties: object) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters, "strict": strict}}


_FIND = _tool("find", who={"type": "string"})
_ADD = _tool("add", a={"type": "integer"})


async def _create(server: RunningServer, **fields: Any) -> Any:  # noqa: ANN401  # the SDK's overloads
    return await server.openai.chat.completions.create(model="m", messages=_QUESTION, **fields)


async def test_parse_gives_the_pydantic_model(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    prompts: list[str] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return replies.final('{"name":"Ada","city":"Rome"}', analysis="I know her.")

    async with serve(lambda: scripted(play)) as server:
        answer = await server.openai.chat.completions.parse(
            model="m", messages=_QUESTION, response_format=Place
        )

    assert answer.choices[0].message.parsed == Place(name="Ada", city="Rome")
    assert "# Response Formats\n\n## Place\n\n{" in prompts[0]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"response_format": {"type": "json_object"}}, "free text"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "integer"}},
                }
            },
            "1.5",
        ),
        ({"tools": [_FIND], "tool_choice": "required"}, "free text"),
        ({"reasoning_effort": "none"}, ""),
        ({"extra_body": {"reasoning_budget": 2}}, ""),
    ],
    ids=["json_object", "json_schema", "required", "effort_none", "budget"],
)
async def test_a_reply_that_departs_is_never_shown(
    serve: Serve, scripted: Scripted, replies: Replies, fields: dict[str, Any], text: str
) -> None:
    reply = replies.final(text or "yes", analysis="" if text else "one two three four")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        with pytest.raises(InternalServerError):
            await _create(server, **fields)


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "find"}}}, "find"),
        ({"tool_choice": "required"}, "add"),
        ({"tool_choice": "auto"}, "add"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "find"}}],
                    },
                }
            },
            "find",
        ),
        ({"tool_choice": "required", "parallel_tool_calls": False}, "find"),
    ],
    ids=["named", "required", "auto", "allowed", "one"],
)
async def test_a_call_that_the_choice_admits_is_given(
    serve: Serve, scripted: Scripted, replies: Replies, fields: dict[str, Any], called: str
) -> None:
    arguments = {"find": '{"who":"Ada"}', "add": '{"a":1}'}[called]
    reply = replies.call(called, arguments, analysis="hm")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await _create(server, tools=[_FIND, _ADD], **fields)

    [call] = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == (called, arguments)
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "choice", [{"type": "function", "function": {"name": "find"}}, "none"], ids=["named", "none"]
)
async def test_a_call_that_the_choice_forbids_is_not(
    serve: Serve, scripted: Scripted, replies: Replies, choice: object
) -> None:
    async with serve(lambda: scripted(lambda _: replies.call("add", '{"a":1}'))) as server:
        with pytest.raises(InternalServerError):
            await _create(server, tools=[_FIND, _ADD], tool_choice=choice)


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"properties": {"a": {"not": {}}}}},
                }
            },
            "response_format.json_schema.schema",
            "properties.a.not",
        ),
        (
            {"tools": [{"type": "web_search"}, _FIND, _tool("f", x={"type": "whole"})]},
            "tools[2].function.parameters",
            "properties.x.type",
        ),
        ({"tools": [_FIND, _FIND]}, "tools[1].function.name", "declared twice"),
        ({"tool_choice": "required"}, "tool_choice", "no tool to call"),
        (
            {"tools": [_ADD], "tool_choice": {"type": "function", "function": {"name": "find"}}},
            "tool_choice",
            "find",
        ),
        (
            {"tools": [_ADD], "tool_choice": {"type": "function"}},
            "tool_choice.function",
            "missing",
        ),
    ],
    ids=["format", "tool", "twice", "nothing", "unknown", "incomplete"],
)
async def test_what_cannot_be_enforced_is_refused_before_anything_is_queued(
    serve: Serve,
    scripted: Scripted,
    replies: Replies,
    fields: dict[str, Any],
    param: str,
    told: str,
) -> None:
    requests: list[GenerationRequest] = []

    def record(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return replies.final("hi")

    async with serve(lambda: scripted(record)) as server:
        with pytest.raises(BadRequestError) as caught:
            await _create(server, **fields)

    assert caught.value.param == param
    assert told in caught.value.message
    assert requests == []


async def test_without_demands_the_reply_is_free(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    requests: list[GenerationRequest] = []

    def record(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return replies.final("hi")

    async with serve(lambda: scripted(record)) as server:
        await _create(server)

    assert requests[0].constraint is None
