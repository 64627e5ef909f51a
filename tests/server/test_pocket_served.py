"""The whole house with real weights: the pocket model on a real socket, asked by the real openai package."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from openai import AsyncStream
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from optiq_harmony.vocabulary import Vocabulary
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


async def _streamed(create: Callable[..., Awaitable[object]]) -> AsyncStream[ChatCompletionChunk]:
    return cast("AsyncStream[ChatCompletionChunk]", await create(stream=True))


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


async def test_several_samples_are_drawn_from_one_prompt(serve: Serve, open_pocket: partial[Backend]) -> None:
    async with serve(open_pocket) as running:
        create = partial(
            running.openai.chat.completions.create, model="any", messages=[_ADD], n=3, seed=5, temperature=1.3
        )
        whole = await create()
        alone = await _say(running, _ADD, seed=5)
        chunks = [chunk async for chunk in await _streamed(create)]

    texts = [choice.message.content for choice in whole.choices]
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert whole.usage
    streamed = [""] * 3
    for chunk in chunks:
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts
    assert alone


async def test_log_probabilities_come_for_the_text_and_add_up_to_it(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    async with serve(open_pocket) as running:
        create = partial(
            running.openai.chat.completions.create,
            model="any",
            messages=[_ADD],
            temperature=0,
            logprobs=True,
            top_logprobs=3,
        )
        [choice] = (await create()).choices
        chunks = [chunk async for chunk in await _streamed(create)]

    assert choice.logprobs
    content = choice.logprobs.content
    assert content
    assert "".join(entry.token for entry in content) == choice.message.content
    for entry in content:
        assert entry.logprob == entry.top_logprobs[0].logprob <= 0
        assert entry.token == entry.top_logprobs[0].token
        assert bytes(entry.bytes or []).decode() == entry.token
        assert len(entry.top_logprobs) == 3
    streamed = [
        entry
        for chunk in chunks
        if chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content or []
    ]
    assert [entry.token for entry in streamed] == [entry.token for entry in content]


async def test_a_bias_and_a_penalty_change_the_text_and_leave_the_reply_whole(
    serve: Serve, open_pocket: partial[Backend], vocabulary: Vocabulary
) -> None:
    [banned] = vocabulary.encode_text("42")
    async with serve(open_pocket) as running:
        create = partial(
            running.openai.chat.completions.create,
            model="any",
            messages=[_ADD],
            temperature=0,
            max_tokens=200,
        )
        biased = await create(logit_bias={str(banned): -100})
        penalised = await create(frequency_penalty=2.0, presence_penalty=2.0)

    assert "42" not in (biased.choices[0].message.content or "")
    for reply in (biased, penalised):
        assert reply.choices[0].finish_reason == "stop"
        assert "<|" not in (reply.choices[0].message.content or "")


async def test_a_second_request_with_the_same_beginning_tells_what_was_cached(
    serve: Serve, open_pocket: partial[Backend]
) -> None:
    async with serve(open_pocket) as running:
        create = partial(running.openai.chat.completions.create, model="any", temperature=0)
        first = await create(messages=[_ADD])
        again = await create(messages=[_ADD])

    for reply, expected in ((first, 0), (again, 1)):
        assert reply.usage
        assert reply.usage.prompt_tokens_details
        cached = reply.usage.prompt_tokens_details.cached_tokens or 0
        assert (cached > 0) == bool(expected)
        assert cached < reply.usage.prompt_tokens
    assert first.choices[0].message.content == again.choices[0].message.content
