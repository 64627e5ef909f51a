"""What a chat completion request means, beyond its fields."""

from typing import Any

import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    CustomTool,
    DeveloperMessage,
    FunctionTool,
    GrammarSyntax,
    ReasoningEffort,
    ToolCall,
    ToolGrammar,
    ToolMessage,
    UserMessage,
)
from optiq_server.engine.types import SamplingParameters
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.translate.chat_request import ChatRequest, chat_request
from optiq_server.translate.job import Job

_USER = {"role": "user", "content": "hi"}
_TOOL = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}},
}


def _request(*messages: dict[str, Any], **fields: object) -> ChatRequest:
    return chat_request(
        ChatCompletionRequest.model_validate({"messages": list(messages) or [_USER], **fields})
    )


def _job(*messages: dict[str, Any], **fields: object) -> Job:
    return _request(*messages, **fields).job


def _refusal(*messages: dict[str, Any], **fields: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _job(*messages, **fields)
    return caught.value


def _call(call_id: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_system_and_developer_are_instructions() -> None:
    job = _job({"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, _USER)

    assert job.conversation.messages == (
        DeveloperMessage(text="a"),
        DeveloperMessage(text="b"),
        UserMessage(text="hi"),
    )


def test_text_parts_are_lines() -> None:
    parts = [{"type": "text", "text": "read this"}, {"type": "text", "text": "file"}]

    assert _job({"role": "user", "content": parts}).conversation.messages == (
        UserMessage(text="read this\nfile"),
    )


def test_a_tool_result_gets_its_functions_name() -> None:
    job = _job(
        _USER,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [_call("1", "add", '{"a":1}'), _call("2", "mul")],
        },
        {"role": "tool", "tool_call_id": "2", "content": "6"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "5"}]},
    )

    assert job.conversation.messages[1:] == (
        AssistantMessage(
            tool_calls=(ToolCall(name="add", arguments='{"a":1}'), ToolCall(name="mul", arguments="{}"))
        ),
        ToolMessage(name="mul", text="6"),
        ToolMessage(name="add", text="5"),
    )


def test_of_two_calls_with_one_id_the_later_is_meant() -> None:
    job = _job(
        _USER,
        {"role": "assistant", "tool_calls": [_call("call_0", "old")]},
        {"role": "tool", "tool_call_id": "call_0", "content": ""},
        {"role": "assistant", "tool_calls": [_call("call_0", "new")]},
        {"role": "tool", "tool_call_id": "call_0", "content": ""},
    )

    assert [message.name for message in job.conversation.messages if isinstance(message, ToolMessage)] == [
        "old",
        "new",
    ]


@pytest.mark.parametrize("spelling", ["reasoning", "reasoning_content", "thinking"])
def test_an_earlier_replys_reasoning_is_read_in_any_spelling(spelling: str) -> None:
    job = _job(_USER, {"role": "assistant", "content": "4", spelling: "2+2"})

    assert job.conversation.messages[1] == AssistantMessage(reasoning="2+2", text="4")


def test_an_assistant_message_with_everything_keeps_everything() -> None:
    message = {
        "role": "assistant",
        "content": "c",
        "reasoning": "r",
        "tool_calls": [_call("1", "f")],
        "refusal": None,
    }

    job = _job(_USER, message)

    assert job.conversation.messages[1] == AssistantMessage(
        reasoning="r", text="c", tool_calls=(ToolCall(name="f", arguments="{}"),)
    )


def test_an_assistant_message_that_says_nothing_is_left_out() -> None:
    job = _job(_USER, {"role": "assistant", "content": ""}, _USER)

    assert job.conversation.messages == (UserMessage(text="hi"), UserMessage(text="hi"))


def test_a_refusal_is_what_the_assistant_said() -> None:
    job = _job(_USER, {"role": "assistant", "content": None, "refusal": "No."}, _USER)

    assert job.conversation.messages[1] == AssistantMessage(text="No.")


def test_arguments_that_were_sent_as_an_object_become_text() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"city": "Zürich"}}}

    job = _job(_USER, {"role": "assistant", "tool_calls": [call]})

    assert job.conversation.messages[1] == AssistantMessage(
        tool_calls=(ToolCall(name="f", arguments='{"city": "Zürich"}'),)
    )


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([_USER, {"role": "system", "content": None}], "messages[1].content"),
        ([_USER, {"role": "tool", "content": "5"}], "messages[1].tool_call_id"),
        ([_USER, {"role": "tool", "content": "5", "tool_call_id": "x"}], "messages[1].tool_call_id"),
        ([_USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}], "messages[1].tool_calls[0].function"),
    ],
)
def test_what_messages_lack_is_named(messages: list[dict[str, Any]], param: str) -> None:
    error = _refusal(*messages)

    assert error.param == param
    assert param in error.message


def test_functions_are_offered_and_other_tools_are_ignored() -> None:
    job = _job(tools=[{"type": "web_search"}, _TOOL])

    assert job.conversation.tools == (
        FunctionTool(name="add", description="Adds.", parameters={"type": "object"}),
    )


def test_a_function_tool_without_a_function_is_named() -> None:
    assert _refusal(tools=[_TOOL, {"type": "function"}]).param == "tools[1].function"


def test_a_custom_tool_is_offered_with_its_grammar() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}
    tools = [
        {"type": "web_search"},
        {"type": "custom", "custom": {"name": "as", "description": "Only a.", "format": grammar}},
        {"type": "custom", "custom": {"name": "shell", "format": {"type": "text"}}},
    ]

    job = _job(tools=tools, tool_choice={"type": "custom", "custom": {"name": "as"}})

    assert job.conversation.tools == (
        CustomTool(
            name="as",
            description="Only a.",
            grammar=ToolGrammar(syntax=GrammarSyntax.REGEX, definition="a+"),
        ),
        CustomTool(name="shell"),
    )
    assert job.structure.tool_choice.names == frozenset({"as"})
    assert job.names.tools == ("tools[1].custom.format", "tools[2].custom.format")


def test_a_custom_call_goes_back_as_text() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    job = _job(
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "a.txt"},
    )

    assert job.conversation.messages == (
        AssistantMessage(tool_calls=(ToolCall(name="shell", arguments="ls", is_custom=True),)),
        ToolMessage(name="shell", text="a.txt"),
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
        (
            {"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar"}}}]},
            "tools[0].custom.format.grammar",
        ),
        ({"tool_choice": {"type": "custom"}}, "tool_choice.custom"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "custom"}]},
                }
            },
            "tool_choice.allowed_tools.tools[0].custom",
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "f"}}] * 2},
            "tools[1].custom.name",
        ),
    ],
)
def test_what_a_custom_tool_lacks_is_named(fields: dict[str, Any], param: str) -> None:
    assert _refusal(**fields).param == param


def test_a_custom_call_without_its_input_is_named() -> None:
    call = {"id": "c", "type": "custom"}

    assert _refusal({"role": "assistant", "tool_calls": [call]}).param == "messages[0].tool_calls[0].custom"


def test_tool_choice_none_offers_no_functions() -> None:
    assert _job(tools=[_TOOL], tool_choice="none").conversation.tools == ()
    assert _job(tools=[_TOOL], tool_choice="auto").conversation.tools != ()


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, ReasoningEffort.MEDIUM),
        ({"reasoning_effort": None}, ReasoningEffort.MEDIUM),
        ({"reasoning_effort": "minimal"}, ReasoningEffort.LOW),
        ({"reasoning_effort": "low"}, ReasoningEffort.LOW),
        ({"reasoning_effort": "high"}, ReasoningEffort.HIGH),
        ({"reasoning_effort": "xhigh"}, ReasoningEffort.HIGH),
        ({"reasoning": {"effort": "low"}}, ReasoningEffort.LOW),
        ({"reasoning": {}}, ReasoningEffort.MEDIUM),
        ({"reasoning_effort": "high", "reasoning": {"effort": "low"}}, ReasoningEffort.HIGH),
    ],
)
def test_effort_is_the_nearest_that_the_model_knows(
    fields: dict[str, object], effort: ReasoningEffort
) -> None:
    assert _job(**fields).conversation.system.effort is effort


@pytest.mark.parametrize("top_k", [None, 0, -1])
def test_top_k_has_three_spellings_of_off(top_k: int | None) -> None:
    assert _job(top_k=top_k).sampling.top_k is None


def test_sampling_is_the_models_own_unless_told() -> None:
    assert _job().sampling == SamplingParameters()
    assert _job(temperature=0.0, top_p=0.5, top_k=3, min_p=0.1, seed=-1).sampling == SamplingParameters(
        temperature=0.0, top_p=0.5, top_k=3, min_p=0.1, seed=-1
    )


@pytest.mark.parametrize(
    ("fields", "max_tokens"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 5),
        ({"max_tokens": 8, "max_completion_tokens": 6}, 6),
    ],
)
def test_of_two_bounds_the_smaller_holds(fields: dict[str, object], max_tokens: int | None) -> None:
    assert _job(**fields).max_tokens == max_tokens


def test_stop_is_a_string_or_a_list() -> None:
    assert _job(stop="x").stop_strings == ("x",)
    assert _job(stop=["x", "y"]).stop_strings == ("x", "y")
    assert _job(stop=None).stop_strings == ()


def test_streaming_is_off_unless_asked() -> None:
    assert not _request(stream=None).stream
    assert _request(stream=True, stream_options={"include_usage": True}).include_usage
    assert not _request(stream=True, stream_options={}).include_usage


def test_penalties_and_biases_are_sampling_and_hold_the_reply_to_the_protocol() -> None:
    job = _job(logit_bias={"7": -3}, presence_penalty=0.5, frequency_penalty=-1.0, repetition_penalty=1.1)

    assert job.sampling == SamplingParameters(
        logit_bias={7: -3.0}, presence_penalty=0.5, frequency_penalty=-1.0, repetition_penalty=1.1
    )
    assert not job.structure.is_free
    assert _job(presence_penalty=0, frequency_penalty=0.0, logit_bias={}).structure.is_free


def test_log_probabilities_are_asked_for_by_both_fields() -> None:
    assert _job().top_logprobs is None
    assert _job(logprobs=True).top_logprobs == 0
    assert _job(logprobs=True, top_logprobs=20).top_logprobs == 20
    assert _job(logprobs=False, top_logprobs=0).top_logprobs is None
    with pytest.raises(InvalidRequest) as caught:
        _job(top_logprobs=2)
    assert caught.value.param == "top_logprobs"


def test_several_samples_are_one_job() -> None:
    assert (_job().samples, _job(n=3).samples) == (1, 3)
