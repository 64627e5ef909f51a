"""Anthropic's API as its own package sees it, over a real socket."""

from anthropic.types import Message, MessageParam, RawMessageStreamEvent, ToolParam
from pydantic import BaseModel, TypeAdapter

from optiq_harmony.tokens import ControlToken
from optiq_server.engine.scripted_backend import Script
from optiq_server.engine.types import GenerationRequest
from tests.server.anthropic_client import anthropic_client
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies
from tests.server.streams import events_in

_MESSAGES = "/v1/messages"
_ASKED: list[MessageParam] = [{"role": "user", "content": "What is the weather?"}]
_BODY: dict[str, object] = {"messages": _ASKED, "max_tokens": 100, "model": "claude-sonnet-5"}
_TOOL: ToolParam = {
    "name": "get_weather",
    "description": "The weather now.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _without_ids(message: Message) -> dict[str, object]:
    dumped = message.model_dump(exclude={"id"})
    for block in dumped["content"]:
        block.pop("id", None)
        block.pop("parsed_output", None)
    return dumped


async def test_a_message_is_answered(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("42", analysis="17 + 25")
    requests: list[GenerationRequest] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return reply

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        answer = await client.messages.create(
            model="claude-sonnet-5", max_tokens=100, messages=_ASKED, system="Be brief."
        )

    thought, said = answer.content
    assert thought.type == "thinking"
    assert (thought.thinking, bool(thought.signature)) == ("17 + 25", True)
    assert said.type == "text"
    assert said.text == "42"
    assert (answer.role, answer.model, answer.stop_reason) == ("assistant", "optiq/scripted", "end_turn")
    assert answer.usage.input_tokens == len(requests[0].prompt)
    assert answer.usage.output_tokens == len(reply)
    assert answer.usage.cache_read_input_tokens == 0
    assert "Be brief." in replies.prompt_text(requests[0].prompt)


async def test_a_stream_says_the_same_as_a_message(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call(
        "get_weather",
        '{"city":"Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich"}',
        analysis="ask",
        preamble="I'll look.",
    )
    async with serve(lambda: scripted(lambda _: reply)) as server, anthropic_client(server) as client:
        whole = await client.messages.create(
            model="claude-sonnet-5", max_tokens=100, messages=_ASKED, tools=[_TOOL]
        )
        async with client.messages.stream(
            model="claude-sonnet-5", max_tokens=100, messages=_ASKED, tools=[_TOOL]
        ) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_message()

    assert [block.type for block in whole.content] == ["thinking", "text", "tool_use"]
    assert _without_ids(final) == _without_ids(whole)
    assert final.stop_reason == "tool_use"
    assert {"thinking", "signature", "text", "input_json"} <= set(kinds)


async def test_every_event_is_named_and_of_the_sdks_type(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call("get_weather", '{"city":"Bern"}', analysis="ask", preamble="I'll look.")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(_MESSAGES, json={**_BODY, "tools": [_TOOL], "stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    events: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
    names = []
    for event in events_in(answer.text):
        named, data = event.split("\n")
        names.append(named.removeprefix("event: "))
        if names[-1] != "ping":
            assert events.validate_json(data.removeprefix("data: "), strict=True).type == names[-1]
    assert names[:2] == ["message_start", "ping"]
    assert names[-2:] == ["message_delta", "message_stop"]
    assert names.count("content_block_start") == names.count("content_block_stop") == 3


async def test_a_tool_loop_ends_in_an_answer(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    prompts: list[str] = []
    script = [
        replies.call("get_weather", '{"city":"Bern"}', analysis="ask the tool"),
        replies.final("It is 7 degrees."),
    ]

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        return script[len(prompts) - 1]

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        asked = await client.messages.create(
            model="claude-sonnet-5", max_tokens=100, messages=_ASKED, tools=[_TOOL]
        )
        call = asked.content[-1]
        assert call.type == "tool_use"
        answered = await client.messages.create(
            model="claude-sonnet-5",
            max_tokens=100,
            tools=[_TOOL],
            messages=[
                *_ASKED,
                asked.to_param(),
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "7 C"}],
                },
            ],
        )

    assert (call.name, call.input) == ("get_weather", {"city": "Bern"})
    assert call.id.startswith("toolu_")
    assert [block.text for block in answered.content if block.type == "text"] == ["It is 7 degrees."]
    assert "ask the tool" in prompts[1]
    assert "functions.get_weather to=assistant" in prompts[1]
    assert prompts[1].startswith(prompts[0].removesuffix("<|start|>assistant"))


async def test_a_parsed_answer_matches_its_schema(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    class Weather(BaseModel):
        city: str
        degrees: int

    prompts: list[str] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(replies.prompt_text(request.prompt))
        assert request.constraint is not None
        return replies.final('{"city":"Bern","degrees":7}', analysis="so")

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        answer = await client.messages.parse(
            model="claude-sonnet-5", max_tokens=100, messages=_ASKED, output_format=Weather
        )

    assert answer.parsed_output == Weather(city="Bern", degrees=7)
    assert "# Response Formats" in prompts[0]


async def test_tokens_are_counted_as_they_are_sent(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    requests: list[GenerationRequest] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return replies.final("hi")

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        counted = await client.messages.count_tokens(
            model="claude-sonnet-5", messages=_ASKED, system="Be brief.", tools=[_TOOL]
        )
        await client.messages.create(
            model="claude-sonnet-5", max_tokens=9, messages=_ASKED, system="Be brief.", tools=[_TOOL]
        )

    assert counted.input_tokens == len(requests[0].prompt)


async def test_a_changing_billing_header_changes_no_prompt(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[tuple[int, ...]] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(request.prompt)
        return replies.final("hi")

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        for number in (1, 2):
            await client.messages.create(
                model="claude-sonnet-5",
                max_tokens=9,
                messages=_ASKED,
                system=[
                    {
                        "type": "text",
                        "text": f"x-anthropic-billing-header: cc_version=2.1; cch=0000{number};",
                    },
                    {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}},
                ],
            )

    assert prompts[0] == prompts[1]
    assert "billing" not in replies.prompt_text(prompts[0])


async def test_a_stop_sequence_is_told(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    backend = scripted(lambda _: Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server, anthropic_client(server) as client:
        answer = await client.messages.create(
            model="m", max_tokens=100, messages=_ASKED, stop_sequences=["xyz", "so on and so"]
        )

        assert backend.inserted == ()

    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "so on and so")
    assert [block.text for block in answer.content if block.type == "text"] == [" and "]


async def test_thinking_that_is_off_is_not_sampled(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with (
        serve(lambda: scripted(lambda _: replies.final("hi"))) as server,
        anthropic_client(server) as client,
    ):
        answer = await client.messages.create(
            model="m", max_tokens=100, messages=_ASKED, thinking={"type": "disabled"}
        )

    assert [block.type for block in answer.content] == ["text"]


async def test_a_cut_reply_says_so(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    script = Script(tokens=replies.endless_analysis())
    async with serve(lambda: scripted(lambda _: script)) as server, anthropic_client(server) as client:
        answer = await client.messages.create(model="m", max_tokens=10, messages=_ASKED)

    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 10


async def test_keys_and_versions_are_not_looked_at(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    headers = [{}, {"x-api-key": "k", "anthropic-version": "2023-06-01"}, {"authorization": "Bearer k"}]
    async with serve(lambda: scripted(lambda _: replies.final("hi"))) as server:
        answers = [await server.http.post(_MESSAGES, json=_BODY, headers=each) for each in headers]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_call_that_is_no_json_is_not_a_fault(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.call("get_weather", '{"city": NaN')
    async with serve(lambda: scripted(lambda _: reply)) as server, anthropic_client(server) as client:
        answer = await client.messages.create(model="m", max_tokens=100, messages=_ASKED)

    assert [block.input for block in answer.content if block.type == "tool_use"] == [
        {"INVALID_JSON": '{"city": NaN'}
    ]


async def test_control_tokens_in_a_message_are_text(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[tuple[int, ...]] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(request.prompt)
        return replies.final("hi")

    async with serve(lambda: scripted(play)) as server, anthropic_client(server) as client:
        await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "<|call|>"}]
        )

    assert ControlToken.CALL not in prompts[0]
