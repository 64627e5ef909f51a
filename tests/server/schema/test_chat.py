"""Each field of a chat completion request by itself, as clients send it: bytes of JSON."""

import json
import math

import pytest
from pydantic import ValidationError

from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import invalid_request

_MESSAGES = [{"role": "user", "content": "hi"}]


def _read(**fields: object) -> ChatCompletionRequest:
    return ChatCompletionRequest.model_validate_json(json.dumps({"messages": _MESSAGES, **fields}))


def _refusal(body: str) -> InvalidRequest:
    with pytest.raises(ValidationError) as caught:
        ChatCompletionRequest.model_validate_json(body)
    return invalid_request(caught.value)


@pytest.mark.parametrize("field", sorted(set(ChatCompletionRequest.model_fields) - {"messages"}))
def test_null_is_the_same_as_absent(field: str) -> None:
    assert _read(**{field: None}) == _read()


def test_unknown_fields_are_ignored() -> None:
    assert _read(prompt_cache_key="k", store=True, metadata={"a": "b"}, whatever=[1]) == _read()


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_p": 1},
        {"top_k": -1},
        {"min_p": 0},
        {"seed": -(2**63)},
        {"seed": 2**63 - 1},
        {"stop": ["a"] * 16},
        {"n": 1},
        {"presence_penalty": 0},
        {"frequency_penalty": 0.0},
        {"repetition_penalty": 1.0},
        {"logprobs": False},
        {"top_logprobs": 0},
        {"logit_bias": {}},
        {"response_format": {"type": "text"}},
        {"tool_choice": "auto"},
        {"tool_choice": "none"},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": {}}}},
        {"reasoning_effort": "none"},
        {"reasoning_budget": 0},
        {"parallel_tool_calls": True},
        {"parallel_tool_calls": False},
        {"verbosity": "low"},
        {"verbosity": "medium"},
        {"modalities": ["text"]},
        {"functions": []},
        {"functions": [{"name": "f", "parameters": {"type": "object"}}]},
        {"function_call": "none"},
        {"function_call": {"name": "f"}},
        {"metadata": 5, "store": "yes", "user": [], "service_tier": {}, "prompt_cache_key": 1},
        {"safety_identifier": 1, "stream_options": {"include_obfuscation": 1}},
        {"model": "gpt-5-mini"},
        {"tools": [{"type": "function", "function": {"name": "a_B-9.c", "strict": True}}]},
        {"tools": [{"type": "web_search", "external": True}]},
    ],
    ids=json.dumps,
)
def test_honoured_values_are_accepted(fields: dict[str, object]) -> None:
    assert _read(**fields).messages


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"top_k": 2**31}, "top_k"),
        ({"min_p": -1}, "min_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"stop": 5}, "stop"),
        ({"stop": ""}, "stop[0]"),
        ({"stop": ["a", ""]}, "stop[1]"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": "a" * 1025}, "stop[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"stream_options": []}, "stream_options"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"n": 17}, "n"),
        ({"n": True}, "n"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning_budget": -1}, "reasoning_budget"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format.json_schema.name",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "f", "schema": {"maximum": math.nan}},
                }
            },
            "response_format.json_schema.schema",
        ),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {"type": "mcp", "server_label": "f"}}, "tool_choice.type"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
            "tool_choice.allowed_tools.tools",
        ),
        ({"verbosity": "huge"}, "verbosity"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"functions": [{"name": "a b"}]}, "functions[0].name"),
        ({"function_call": "required"}, "function_call"),
        ({"function_call": {"name": 5}}, "function_call.name"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tools": [{"function": {"name": "f"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"maximum": math.nan}}}]},
            "tools[0].function.parameters",
        ),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [*_MESSAGES, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}
                ]
            },
            "messages[0].content[0].type",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": ""}]}]}, "messages[0].tool_calls[0].id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "mcp"}]}]},
            "messages[0].tool_calls[0].type",
        ),
        (
            {"messages": [{"role": "assistant", "function_call": {"name": 5}}]},
            "messages[0].function_call.name",
        ),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_bad_field_is_named_as_openai_writes_it(fields: dict[str, object], param: str) -> None:
    error = _refusal(json.dumps({"messages": _MESSAGES, **fields}))

    assert error.param == param
    assert f"'{param}'" in error.message
    assert error.code is not None


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", "video_url"])
def test_parts_that_are_no_text_are_refused_by_name(kind: str) -> None:
    error = _refusal(json.dumps({"messages": [{"role": "user", "content": [{"type": kind}]}]}))

    assert kind in error.message
    assert error.code == "unsupported_value"


@pytest.mark.parametrize(
    "body", ["", "{", "nonsense", '{"messages": [}', '{"messages": "\\ud800"}', "[" * 500]
)
def test_what_is_not_json_is_said_to_be_none(body: str) -> None:
    error = _refusal(body)

    assert error.param is None
    assert error.code == "invalid_json"


@pytest.mark.parametrize("body", ["[]", "5", '"text"', "null"])
def test_a_body_must_be_an_object(body: str) -> None:
    assert _refusal(body).message == "the body must be a JSON object"


def test_a_missing_field_is_said_to_be_missing() -> None:
    error = _refusal("{}")

    assert (error.param, error.code) == ("messages", "missing_required_parameter")
    assert error.message == "'messages' is missing"


def test_a_message_tells_the_value_and_what_is_legal() -> None:
    error = _refusal(json.dumps({"messages": _MESSAGES, "temperature": 3}))

    assert error.message == "'temperature' is 3: it should be less than or equal to 2"
    assert error.code == "invalid_value"


def test_long_values_are_not_repeated() -> None:
    error = _refusal(json.dumps({"messages": _MESSAGES, "temperature": "x" * 1000}))

    assert len(error.message) < 200
