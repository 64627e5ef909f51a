"""Input items as messages, and as what is kept of them."""

from typing import Any

import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.errors import InvalidRequest
from optiq_server.schema.response_items import InputItem
from optiq_server.translate.encoded_reasoning import encode_reasoning
from optiq_server.translate.response_input import (
    additional_tools,
    conversation_messages,
    kept_item,
    references,
    resolved,
)
from tests.server.doubles import CountedIds

_CALL = {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "3"}


def _items(*items: dict[str, Any]) -> list[InputItem]:
    return [InputItem.model_validate(item) for item in items]


def _messages(*items: dict[str, Any]) -> tuple[Message, ...]:
    return conversation_messages([], _items(*items))


def _refused(*items: dict[str, Any]) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        _messages(*items)
    return caught.value.param


def test_roles_and_parts_are_read_in_any_spelling() -> None:
    parts = [{"type": "input_text", "text": "read this"}, {"type": "input_text", "text": "file"}]

    assert _messages(
        {"role": "system", "content": "a"},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {"type": None, "role": "user", "content": parts},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ) == (
        DeveloperMessage(text="a"),
        DeveloperMessage(text="b"),
        UserMessage(text="read this\nfile"),
        AssistantMessage(text="no"),
    )


def test_neighbouring_items_of_the_assistant_are_one_message() -> None:
    assert _messages(
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "r1"}]},
        {"role": "assistant", "content": "I add."},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "r2"}]},
        _CALL,
        {"type": "custom_tool_call", "call_id": "d", "name": "shell", "input": "ls"},
        _OUTPUT,
        {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "a"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "3", "annotations": []}]},
    ) == (
        AssistantMessage(
            reasoning="r1\n\nr2",
            text="I add.",
            tool_calls=(
                ToolCall(name="add", arguments="{}"),
                ToolCall(name="shell", arguments="ls", is_custom=True),
            ),
        ),
        ToolMessage(name="add", text="3"),
        ToolMessage(name="shell", text="a"),
        AssistantMessage(text="3"),
    )


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"content": "told", "encrypted_content": encode_reasoning("encoded")}, "told"),
        ({"content": [], "encrypted_content": encode_reasoning("encoded")}, "encoded"),
        ({"encrypted_content": "gAAAA", "summary": [{"type": "summary_text", "text": "sum"}]}, "sum"),
    ],
)
def test_reasoning_is_read_from_the_best_that_there_is(fields: dict[str, Any], reasoning: str) -> None:
    assert _messages({"type": "reasoning", **fields}) == (AssistantMessage(reasoning=reasoning),)


def test_reasoning_that_cannot_be_read_is_left_out() -> None:
    assert _messages({"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}) == ()


def test_a_call_in_a_namespace_has_the_name_that_the_model_knows() -> None:
    call = {"type": "function_call", "call_id": "c", "namespace": "clock", "name": "sleep", "arguments": "{}"}
    own = {"type": "custom_tool_call", "call_id": "d", "namespace": "functions", "name": "exec", "input": "x"}

    assert _messages(call, own, _OUTPUT) == (
        AssistantMessage(
            tool_calls=(
                ToolCall(name="clock.sleep", arguments="{}"),
                ToolCall(name="exec", arguments="x", is_custom=True),
            )
        ),
        ToolMessage(name="clock.sleep", text="3"),
    )


def test_an_output_belongs_to_an_earlier_responses_call() -> None:
    messages = conversation_messages(_items(_CALL), _items(_OUTPUT))

    assert messages[-1] == ToolMessage(name="add", text="3")


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"role": "user"}, "content"),
        ({"type": "message", "content": "x"}, "role"),
        ({"type": "function_call", "name": "f", "arguments": ""}, "call_id"),
        ({"type": "function_call", "call_id": "c", "arguments": ""}, "name"),
        ({"type": "function_call", "call_id": "c", "name": "f"}, "arguments"),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f"}, "input"),
        ({"type": "function_call_output", "output": "x"}, "call_id"),
        ({"type": "function_call_output", "call_id": "c"}, "output"),
        ({"type": "function_call_output", "call_id": "none", "output": "x"}, "call_id"),
    ],
)
def test_what_an_item_lacks_is_named(item: dict[str, Any], field: str) -> None:
    assert _refused({"role": "user", "content": "hi"}, item) == f"input[1].{field}"


def test_references_become_the_stored_items() -> None:
    stored = InputItem(type="message", role="user", content=[])
    items = _items({"id": "msg_1"}, {"role": "user", "content": "hi"})

    assert references(items) == ["msg_1"]
    assert resolved(items, {"msg_1": stored}) == [stored, items[1]]


@pytest.mark.parametrize("item", [{"type": "item_reference"}, {"type": "item_reference", "id": "msg_2"}])
def test_a_reference_to_nothing_is_refused_by_name(item: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolved(_items(item), {})

    assert caught.value.param == "input[0].id"


def test_kept_items_have_ids_and_parts_and_mean_the_same() -> None:
    sent = _items(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello", "id": "msg_7"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {
            "type": "reasoning",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "so"}],
            "encrypted_content": encode_reasoning("so"),
        },
        _CALL,
        _OUTPUT,
        {"type": "custom_tool_call", "call_id": "d", "namespace": "n", "name": "shell", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "a"},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "f"}]},
    )

    kept = [kept_item(item, CountedIds()) for item in sent]

    assert kept[:2] == [
        {
            "id": "msg_0",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
            "status": "completed",
        },
        {
            "id": "msg_7",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
            "status": "completed",
        },
    ]
    assert conversation_messages([], _items(*kept)) == conversation_messages([], sent)
    assert additional_tools(_items(*kept), []) == additional_tools(sent, [])
    assert len(additional_tools(sent, [])) == 1
