"""Tool loops over responses: stateless, stored, free-form, and with their reasoning."""

from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseReasoningItem,
)

from tests.server.conftest import Scripted, Serve
from tests.server.doubles import RememberingModel, Replies
from tests.server.response_events import events_of, names
from tests.server.response_tools import ADD, SHELL


async def test_a_stateless_tool_loop_ends_in_an_answer(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    model = RememberingModel(
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
    model = RememberingModel(
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
    model = RememberingModel(replies, replies.custom_call("shell", "ls -l"), replies.final("One file."))
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
    model = RememberingModel(
        replies, replies.call("add", '{"a":1,"b":2}', analysis="a thought"), replies.final("3")
    )
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
