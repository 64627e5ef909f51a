"""Each field of a response's request by itself, as clients send it: bytes of JSON."""

import json

import pytest
from pydantic import ValidationError

from optiq_server.errors import InvalidRequest
from optiq_server.schema.errors import invalid_request
from optiq_server.schema.responses import ResponsesRequest


def _read(**fields: object) -> ResponsesRequest:
    return ResponsesRequest.model_validate_json(json.dumps({"input": "hi", **fields}))


def _refusal(body: str) -> InvalidRequest:
    with pytest.raises(ValidationError) as caught:
        ResponsesRequest.model_validate_json(body)
    return invalid_request(caught.value)


@pytest.mark.parametrize("field", sorted(set(ResponsesRequest.model_fields) - {"input"}))
def test_null_is_the_same_as_absent(field: str) -> None:
    assert _read(**{field: None}) == _read()


def test_unknown_fields_are_ignored() -> None:
    assert _read(client_metadata={"a": "b"}, stream_options={}, moderation={}, whatever=[1]) == _read()


def test_a_string_is_what_the_user_says() -> None:
    assert _read() == _read(input=[{"type": "message", "role": "user", "content": "hi"}])


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 2},
        {"top_k": -1},
        {"seed": -(2**63)},
        {"max_output_tokens": 1},
        {"top_logprobs": 20},
        {"truncation": "auto"},
        {"metadata": {"k" * 64: "v" * 512}},
        {"include": ["file_search_call.results"]},
        {"tools": [{"type": "web_search", "name": {}, "format": 5}]},
        {"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "function"}]}]},
        {"tool_choice": "none"},
        {"tool_choice": {"type": "custom", "name": "f"}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "high"}},
        {"reasoning": {"effort": "minimal", "summary": "auto", "context": "all_turns"}},
        {"service_tier": "priority", "user": "u", "safety_identifier": "s", "prompt_cache_key": "k"},
        {"input": [{"role": "user", "content": [], "status": "completed", "phase": "final_answer"}]},
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_legal_values_are_read(fields: dict[str, object]) -> None:
    _read(**fields)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": 5}, "input", "invalid_type"),
        ({"input": [5]}, "input[0]", "invalid_type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"type": "mcp_call"}]}, "input[0].type", "unsupported_value"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content", "invalid_type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x"}]}]},
            "input[0].content[0].type",
            "unsupported_value",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            {"input": [{"role": "assistant", "content": [{"type": "refusal"}]}]},
            "input[0].content[0].refusal",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_file"}]}]},
            "input[0].output[0].type",
            "unsupported_value",
        ),
        ({"conversation": {"id": "conv_1"}}, "conversation", "unsupported_value"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_value"),
        ({"tools": [5]}, "tools[0]", "invalid_type"),
        ({"tools": [{"name": "f"}]}, "tools[0].type", "missing_required_parameter"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name", "invalid_value"),
        ({"tools": [{"type": "web_search", "x": float("nan")}]}, "tools[0]", "invalid_value"),
        (
            {"tools": [{"type": "custom", "name": "f", "format": {"type": "json"}}]},
            "tools[0].format.type",
            None,
        ),
        ({"tool_choice": "any"}, "tool_choice", "invalid_value"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice", "unsupported_value"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", "invalid_value"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type", "invalid_value"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "invalid_value"),
        ({"max_output_tokens": 0}, "max_output_tokens", "invalid_value"),
        ({"top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"truncation": "always"}, "truncation", "invalid_value"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_bad_field_is_named_as_openai_writes_it(
    fields: dict[str, object], param: str, code: str | None
) -> None:
    error = _refusal(json.dumps({"input": "hi", **fields}))

    assert error.param == param
    assert code is None or error.code == code


def test_a_tool_is_kept_as_it_was_sent() -> None:
    tool = {"type": "function", "name": "f", "strict": None, "new_field": {"a": [1.5]}}

    tools = _read(tools=[tool]).tools

    assert tools is not None
    assert tools[0].sent == tool
