"""The deprecated spelling of tools, in requests and in replies."""

from typing import Any

import pytest

from optiq_harmony.conversation import AssistantMessage, FunctionTool, ToolCall, ToolMessage, UserMessage
from optiq_harmony.structure import ToolChoice, ToolChoiceMode
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.translate.chat_request import ChatRequest, chat_request
from optiq_server.translate.functions import with_function_call

_USER = {"role": "user", "content": "hi"}
_ADD = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}


def _request(*messages: dict[str, Any], **fields: object) -> ChatRequest:
    body = {"messages": list(messages) or [_USER], **fields}
    return chat_request(ChatCompletionRequest.model_validate(body))


def _param(*messages: dict[str, Any], **fields: object) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        _request(*messages, **fields)
    return caught.value.param


def test_functions_are_tools_of_which_one_is_called() -> None:
    asked = _request(functions=[_ADD])

    tool = FunctionTool(name="add", description="Adds.", parameters={"type": "object"})
    assert asked.job.conversation.tools == asked.job.structure.tools == (tool,)
    assert not asked.job.structure.parallel_calls
    assert asked.job.names.tools == ("functions[0].parameters",)
    assert asked.legacy_calls


def test_tools_are_answered_in_their_own_spelling() -> None:
    assert not _request(tools=[{"type": "function", "function": _ADD}]).legacy_calls
    assert not _request(functions=[]).legacy_calls


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice(mode=ToolChoiceMode.NONE)),
        ({"name": "add"}, ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"add"}))),
    ],
)
def test_a_choice_is_a_demand(choice: object, wanted: ToolChoice) -> None:
    assert _request(functions=[_ADD], function_call=choice).job.structure.tool_choice == wanted


def test_a_call_and_its_result_go_back() -> None:
    call = {"name": "add", "arguments": '{"a":1}'}

    job = _request(
        _USER,
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "add", "content": "3"},
    ).job

    assert job.conversation.messages == (
        UserMessage(text="hi"),
        AssistantMessage(tool_calls=(ToolCall(name="add", arguments='{"a":1}'),)),
        ToolMessage(name="add", text="3"),
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"functions": [_ADD], "tools": [{"type": "function", "function": _ADD}]}, "functions"),
        ({"functions": [_ADD, _ADD]}, "functions[1].name"),
        ({"functions": [_ADD], "function_call": {}}, "function_call.name"),
        ({"functions": [_ADD], "function_call": {"name": "sub"}}, "function_call.name"),
        ({"function_call": {"name": "add"}}, "function_call.name"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    assert _param(**fields) == param


def test_a_result_needs_its_functions_name() -> None:
    assert _param(_USER, {"role": "function", "content": "3"}) == "messages[1].name"


def test_a_message_is_respelled_and_one_without_a_call_is_not() -> None:
    function = {"name": "add", "arguments": "{}"}
    call = {"id": "call_1", "type": "function", "function": function}

    respelled = with_function_call({"role": "assistant", "content": None, "tool_calls": [call]})

    assert respelled == {"role": "assistant", "content": None, "function_call": function}
    assert with_function_call({"content": "hi"}) == {"content": "hi"}
