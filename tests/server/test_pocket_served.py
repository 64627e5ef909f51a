"""The whole house with real weights: the pocket model on a real socket, asked by the real openai package."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from optiq_server.engine.backend import Backend
from optiq_server.engine.types import EngineLimits
from optiq_server.model import open_backend
from optiq_server.settings import Settings
from tests.server.conftest import RunningServer, Serve

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_ADD: ChatCompletionMessageParam = {"role": "user", "content": "What is 17 + 25?"}
_WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The city"}},
            "required": ["city"],
        },
    },
}


class _Person(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module", name="cache_folder")
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pocket-cache")


@pytest.fixture(name="open_pocket")
def _open_pocket(cache_folder: Path) -> partial[Backend]:
    return partial(open_backend, Settings(cache_folder=cache_folder), EngineLimits())


async def _say(running: RunningServer, *messages: ChatCompletionMessageParam, seed: int | None = None) -> str:
    reply = await running.openai.chat.completions.create(
        model="pocket", messages=list(messages), temperature=0 if seed is None else 1, seed=seed
    )
    return reply.choices[0].message.content or ""


async def test_a_chat_gives_reasoning_an_answer_and_true_usage(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    async with serve(open_pocket) as running:
        reply = await running.openai.chat.completions.create(model="any", messages=[_ADD], temperature=0)

    message = reply.choices[0].message
    assert "42" in (message.content or "")
    assert message.model_extra
    assert message.model_extra["reasoning_content"] == message.model_extra["reasoning"] != ""
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage
    assert reply.usage.completion_tokens_details
    assert 0 < (reply.usage.completion_tokens_details.reasoning_tokens or 0) < reply.usage.completion_tokens


async def test_a_stream_says_what_the_whole_reply_says(serve: Serve, open_pocket: partial[Backend]) -> None:
    async with serve(open_pocket) as running:
        whole = await _say(running, _ADD)
        stream = await running.openai.chat.completions.create(
            model="any",
            messages=[_ADD],
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage


async def test_a_second_turn_follows_the_first(serve: Serve, open_pocket: partial[Backend]) -> None:
    async with serve(open_pocket) as running:
        first = await _say(running, _ADD)
        second = await _say(
            running,
            _ADD,
            {"role": "assistant", "content": first},
            {"role": "user", "content": "What is 30 + 12?"},
        )

    assert "42" in first
    assert "42" in second


async def test_a_tool_loop_calls_the_function_and_answers_from_its_result(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "What's the weather like in Paris?"}
    ]
    async with serve(open_pocket) as running:
        create = partial(running.openai.chat.completions.create, model="any", tools=[_WEATHER], temperature=0)
        asked = (await create(messages=messages)).choices[0]
        assert asked.finish_reason == "tool_calls"
        [call] = asked.message.tool_calls or []
        assert call.type == "function"
        messages += [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 21, "condition": "sunny"}'},
        ]
        answered = (await create(messages=messages)).choices[0]

    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    assert answered.finish_reason == "stop"
    assert "sunny" in (answered.message.content or "")


async def test_a_response_format_is_matched_and_parsed(serve: Serve, open_pocket: partial[Backend]) -> None:
    async with serve(open_pocket) as running:
        reply = await running.openai.chat.completions.parse(
            model="any",
            messages=[{"role": "user", "content": "Extract name and age as JSON: Paul is 31 years old."}],
            response_format=_Person,
            temperature=0,
        )

    assert reply.choices[0].message.parsed == _Person(name="Paul", age=31)
    assert reply.choices[0].finish_reason == "stop"


async def test_a_client_that_leaves_frees_its_place(serve: Serve, open_pocket: partial[Backend]) -> None:
    async with serve(open_pocket) as running:
        stream = await running.openai.chat.completions.create(model="any", messages=[_ADD], stream=True)
        async for _ in stream:
            break
        await stream.close()

        while running.engine.open_generations:
            await asyncio.sleep(0.01)
        assert "42" in await _say(running, _ADD)


async def test_eight_clients_at_once_get_what_each_would_get_alone(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    questions: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": f"What is {number} + {number + 7}?"} for number in range(11, 19)
    ]
    async with serve(open_pocket) as running:
        together = await asyncio.gather(
            *(_say(running, question, seed=number) for number, question in enumerate(questions))
        )
        alone = [await _say(running, question, seed=number) for number, question in enumerate(questions[:3])]

    assert together[:3] == alone
    assert all(together)
