import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    FunctionTool,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.dialect.template_messages import template_messages, template_tools


def test_each_message_has_the_role_and_content_that_templates_know() -> None:
    messages: list[Message] = [
        DeveloperMessage(text="Be brief."),
        UserMessage(text="Hi"),
        AssistantMessage(text="Hello", reasoning="A greeting."),
        AssistantMessage(),
    ]

    assert template_messages(messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello", "reasoning_content": "A greeting."},
        {"role": "assistant", "content": ""},
    ]


def test_calls_have_ids_and_results_name_the_first_open_call_of_their_function() -> None:
    calls = (ToolCall(name="f", arguments='{"a": 1}'), ToolCall(name="f", arguments="{}"))
    messages: list[Message] = [
        AssistantMessage(tool_calls=calls),
        ToolMessage(name="f", text="one"),
        ToolMessage(name="f", text="two"),
        ToolMessage(name="g", text="three"),
    ]

    assistant, *results = template_messages(messages)

    assert assistant["tool_calls"] == [
        {"id": "call00000", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "call00001", "type": "function", "function": {"name": "f", "arguments": {}}},
    ]
    assert results == [
        {"role": "tool", "name": "f", "content": "one", "tool_call_id": "call00000"},
        {"role": "tool", "name": "f", "content": "two", "tool_call_id": "call00001"},
        {"role": "tool", "name": "g", "content": "three"},
    ]


@pytest.mark.parametrize("arguments", ["{", "[1]", "null"])
def test_arguments_that_are_no_object_stay_the_text_that_they_are(arguments: str) -> None:
    [message] = template_messages([AssistantMessage(tool_calls=(ToolCall(name="f", arguments=arguments),))])

    assert message["tool_calls"] == [
        {"id": "call00000", "type": "function", "function": {"name": "f", "arguments": arguments}}
    ]


def test_functions_are_declared_as_in_a_request() -> None:
    tools = [FunctionTool(name="f", description="F.", parameters={"type": "object"}), FunctionTool(name="g")]

    assert template_tools(tools) == [
        {
            "type": "function",
            "function": {"name": "f", "description": "F.", "parameters": {"type": "object"}},
        },
        {
            "type": "function",
            "function": {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
        },
    ]
