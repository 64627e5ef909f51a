"""Chat completions as the openai package sees them, over a real socket."""

import asyncio
from pathlib import Path
from typing import cast

from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionCustomToolParam,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageParam,
)

from optiq_server.engine.scripted_backend import Script
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies
from tests.server.streams import events_in, without_comments

_GOLDEN = Path(__file__).parent / "golden"

_WEATHER_QUESTION: ChatCompletionMessageParam = {"role": "user", "content": "What is the weather?"}
_WEATHER_TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}

_ADD_TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        },
    },
}


async def test_a_chat_is_answered(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("42", analysis="17 + 25")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.openai.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "What is 17 + 25?"}]
        )

    message = answer.choices[0].message
    assert (message.role, message.content, answer.choices[0].finish_reason) == ("assistant", "42", "stop")
    assert message.model_extra == {"reasoning": "17 + 25", "reasoning_content": "17 + 25"}
    assert answer.model == "optiq/scripted"
    assert answer.id.startswith("chatcmpl-")
    assert answer.system_fingerprint is not None


async def test_usage_counts_what_was_computed(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("42", analysis="17 + 25")
    requests: list[GenerationRequest] = []

    def record(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return reply

    async with serve(lambda: scripted(record)) as server:
        answer = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "What is 17 + 25?"}]
        )

    usage = answer.usage
    assert usage is not None
    assert usage.prompt_tokens == len(requests[0].prompt)
    assert usage.completion_tokens == len(reply)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == len(replies.encode("17 + 25"))
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 0


async def test_a_stream_says_the_same_as_a_body(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("It is forty-two. \N{SNOWMAN}", analysis="17 + 25, carry the one")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        create = server.openai.chat.completions.create
        body = await create(model="m", messages=[{"role": "user", "content": "hi"}])
        chunks = [
            chunk
            async for chunk in await create(
                model="m", messages=[{"role": "user", "content": "hi"}], stream=True
            )
        ]

    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == body.choices[0].message.content
    reasoning = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
    assert reasoning == (body.choices[0].message.model_extra or {})["reasoning_content"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]


async def test_usage_comes_last_in_a_stream_that_asks(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.final("hi")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        stream = await server.openai.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]

    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(reply)


async def test_the_second_turn_is_asked_with_the_first(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[str] = []

    def record(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return replies.final("I am OptiQ.", analysis="a secret thought")

    async with serve(lambda: scripted(record)) as server:
        create = server.openai.chat.completions.create
        first = await create(model="m", messages=[{"role": "user", "content": "Who are you?"}])
        await create(
            model="m",
            messages=[
                {"role": "user", "content": "Who are you?"},
                cast(ChatCompletionMessageParam, first.choices[0].message.model_dump()),
                {"role": "user", "content": "Really?"},
            ],
        )

    assert "I am OptiQ." in prompts[1]
    assert prompts[1].index("Who are you?") < prompts[1].index("I am OptiQ.") < prompts[1].index("Really?")
    assert "a secret thought" not in prompts[1]


async def test_a_tool_loop_ends_in_an_answer(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    prompts: list[str] = []
    script = [
        replies.call("get_weather", '{"city":"Zürich"}', analysis="ask the tool", preamble="I'll look."),
        replies.final("It is 7 degrees."),
    ]

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return script[len(prompts) - 1]

    async with serve(lambda: scripted(play)) as server:
        create = server.openai.chat.completions.create
        asked = await create(model="m", messages=[_WEATHER_QUESTION], tools=[_WEATHER_TOOL])
        message = asked.choices[0].message
        call = (message.tool_calls or [])[0]
        answered = await create(
            model="m",
            messages=[
                _WEATHER_QUESTION,
                cast(ChatCompletionMessageParam, message.model_dump()),
                {"role": "tool", "tool_call_id": call.id, "content": "7 C"},
            ],
            tools=[_WEATHER_TOOL],
        )

    assert asked.choices[0].finish_reason == "tool_calls"
    assert message.content == "I'll look."
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Zürich"}')
    assert answered.choices[0].message.content == "It is 7 degrees."
    assert "get_weather" in prompts[0]
    assert "ask the tool" in prompts[1]
    assert "functions.get_weather to=assistant" in prompts[1]


async def test_a_call_is_streamed_piece_by_piece(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.call("add", '{"a": 1234567, "b": 7654321}')
    async with serve(lambda: scripted(lambda _: reply)) as server:
        stream = await server.openai.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "add"}],
            tools=[_ADD_TOOL],
            stream=True,
        )
        chunks = [chunk async for chunk in stream]

    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert [call.id is not None for call in calls] == [True] + [False] * (len(calls) - 1)
    assert calls[0].function is not None
    assert calls[0].function.name == "add"
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert arguments == '{"a": 1234567, "b": 7654321}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_the_deprecated_spelling_of_a_tool_loop(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[str] = []
    call = replies.call("add", '{"a":1,"b":2}', analysis="so")
    script = [call, call, replies.final("3")]

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return script[len(prompts) - 1]

    question: ChatCompletionMessageParam = {"role": "user", "content": "1 + 2?"}
    async with serve(lambda: scripted(play)) as server:
        create = server.openai.chat.completions.create
        asked = await create(model="m", messages=[question], functions=[_ADD_TOOL["function"]])
        stream = await create(model="m", messages=[question], functions=[_ADD_TOOL["function"]], stream=True)
        chunks = [chunk.choices[0] async for chunk in stream]
        message = asked.choices[0].message
        answered = await create(
            model="m",
            messages=[
                question,
                cast(ChatCompletionMessageParam, message.model_dump()),
                {"role": "function", "name": "add", "content": "3"},
            ],
            functions=[_ADD_TOOL["function"]],
        )

    assert asked.choices[0].finish_reason == chunks[-1].finish_reason == "function_call"
    assert message.tool_calls is None
    assert message.function_call is not None
    assert (message.function_call.name, message.function_call.arguments) == ("add", '{"a":1,"b":2}')
    told = [chunk.delta.function_call for chunk in chunks if chunk.delta.function_call is not None]
    assert [each.name for each in told if each.name] == ["add"]
    assert "".join(each.arguments or "" for each in told) == '{"a":1,"b":2}'
    assert answered.choices[0].message.content == "3"
    assert "functions.add to=assistant" in prompts[2]


async def test_verbosity_is_told_in_the_instructions(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[str] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return replies.final("hi")

    async with serve(lambda: scripted(play)) as server:
        await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], verbosity="low"
        )

    assert "# Instructions\n\nAnswer briefly" in prompts[0]


async def test_a_stop_string_ends_the_generation_itself(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    backend = scripted(lambda _: Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        answer = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "count"}], stop=["so on and so"]
        )

        assert backend.inserted == ()
        assert server.engine.open_generations == 0

    assert answer.choices[0].message.content == " and "
    assert answer.choices[0].finish_reason == "stop"


async def test_max_tokens_cuts_and_says_so(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    async with serve(lambda: scripted(lambda _: Script(tokens=replies.endless_analysis()))) as server:
        answer = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "think"}], max_completion_tokens=10
        )

    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == ""
    assert (answer.choices[0].message.model_extra or {})["reasoning"] == " hm" * 7
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10


async def test_eight_clients_at_once_get_their_own_answers(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    def play(request: GenerationRequest) -> Script:
        question = replies.prompt_text(request.prompt).rpartition("number ")[2].partition("<|end|>")[0]
        return Script(tokens=replies.final(f"You are {question}. " * 20), prefill_steps=int(question) + 1)

    async with serve(lambda: scripted(play)) as server:

        async def ask(number: int) -> str | None:
            answer = await server.openai.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"I am number {number}"}]
            )
            return answer.choices[0].message.content

        async def ask_for_a_stream(number: int) -> str:
            stream = await server.openai.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"I am number {number}"}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        answers = await asyncio.gather(*map(ask, range(4)), *map(ask_for_a_stream, range(4, 8)))

    assert answers == [f"You are {number}. " * 20 for number in range(8)]


async def test_the_bytes_of_a_stream_are_as_recorded(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call("add", '{"a":1}', analysis="so", preamble="Adding \N{EN DASH} \N{SNOWMAN}\n")
    async with serve(lambda: scripted(lambda _: Script(tokens=reply, tokens_per_step=100))) as server:
        answer = await server.http.post(
            "/v1/chat/completions",
            json={
                "messages": [{"role": "user", "content": "add"}],
                "stream": True,
                "stream_options": {"include_usage": True},
                "tools": [_ADD_TOOL],
            },
        )

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert without_comments(answer.text) == (_GOLDEN / "tool_call.sse").read_text()


async def test_every_streamed_chunk_is_of_the_sdks_type(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.final("hi", analysis="hm")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": "hi"}], "stream": True}
        )

    events = events_in(answer.text)
    assert events[-1] == "data: [DONE]"
    for event in events[:-1]:
        ChatCompletionChunk.model_validate_json(event.removeprefix("data: "), strict=True)


async def test_a_custom_tool_is_called_with_text_and_its_call_goes_back(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[str] = []
    script = [replies.custom_call("shell", "ls -l"), replies.final("One file.")]
    tool: ChatCompletionCustomToolParam = {
        "type": "custom",
        "custom": {
            "name": "shell",
            "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "ls( -[a-z])*"}},
        },
    }

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return script[len(prompts) - 1]

    async with serve(lambda: scripted(play)) as server:
        create = server.openai.chat.completions.create
        asked = await create(
            model="m",
            messages=[_WEATHER_QUESTION],
            tools=[tool],
            tool_choice={"type": "custom", "custom": {"name": "shell"}},
        )
        message = asked.choices[0].message
        call = (message.tool_calls or [])[0]
        await create(
            model="m",
            messages=[
                _WEATHER_QUESTION,
                cast(ChatCompletionMessageParam, message.model_dump()),
                {"role": "tool", "tool_call_id": call.id, "content": "a.txt"},
            ],
            tools=[tool],
        )

    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("shell", "ls -l")
    assert "to=functions.shell<|channel|>commentary<|message|>ls -l<|call|>" in prompts[1]
    assert "<|start|>functions.shell to=assistant<|channel|>commentary<|message|>a.txt" in prompts[1]
