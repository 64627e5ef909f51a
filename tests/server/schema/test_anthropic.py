"""The bodies of Anthropic's API, field by field."""

import pytest
from pydantic import ValidationError

from optiq_server.schema.anthropic import CountTokensRequest, MessagesRequest
from optiq_server.schema.errors import invalid_request

_MESSAGES = [{"role": "user", "content": "hi"}]


def _param(**body: object) -> str | None:
    with pytest.raises(ValidationError) as caught:
        MessagesRequest.model_validate({"messages": _MESSAGES, "max_tokens": 5, **body})
    return invalid_request(caught.value).param


def test_what_claude_code_sends_is_read() -> None:
    body = {
        "model": "claude-sonnet-5",
        "max_tokens": 32000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "redacted_thinking", "data": "x"},
                    {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a", "is_error": False}
                ],
            },
        ],
        "tools": [
            {"name": "Bash", "description": "d", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "u"},
        "context_management": {"edits": []},
        "stream": True,
    }

    read = MessagesRequest.model_validate(body)

    assert read.messages[1].content[2].input == {"command": "ls"}
    assert read.system is not None
    assert read.system[0].text == "Be brief."


def test_a_string_is_one_text_block() -> None:
    read = CountTokensRequest.model_validate({"messages": _MESSAGES, "system": "Be brief."})

    assert [(block.type, block.text) for block in read.messages[0].content] == [("text", "hi")]


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"type": "image", "source": {"type": "url", "url": "http://x"}}, "type"),
        ({"type": "document", "source": {}}, "type"),
        ({"type": "server_tool_use", "id": "x", "name": "y", "input": {}}, "type"),
        ({"text": "hi"}, "type"),
        ({"type": "text", "text": 5}, "text"),
        ({"type": "tool_use", "id": ""}, "id"),
        ({"type": "tool_use", "input": "{}"}, "input"),
        ({"type": "tool_result", "content": [{"type": "image"}]}, "content[0].type"),
        ({"type": "tool_result", "content": 5}, "content"),
    ],
)
def test_a_block_that_is_not_read_is_refused_by_its_path(block: dict[str, object], path: str) -> None:
    assert _param(messages=[{"role": "user", "content": [block]}]) == f"messages[0].content[0].{path}"


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("max_tokens", None, "max_tokens"),
        ("max_tokens", 0, "max_tokens"),
        ("messages", [], "messages"),
        ("messages", [{"role": "tool", "content": "hi"}], "messages[0].role"),
        ("messages", [{"role": "user", "content": None}], "messages[0].content"),
        ("system", [{"type": "image"}], "system[0].type"),
        ("temperature", 2.5, "temperature"),
        ("top_k", -1, "top_k"),
        ("stop_sequences", "x", "stop_sequences"),
        ("thinking", {"type": "on"}, "thinking.type"),
        ("thinking", {"type": "enabled", "budget_tokens": 0}, "thinking.budget_tokens"),
        ("tool_choice", "auto", "tool_choice"),
        ("output_config", {"effort": "huge"}, "output_config.effort"),
        ("output_config", {"format": {"type": "json_schema"}}, "output_config.format.schema"),
    ],
)
def test_other_values_are_refused_by_name(field: str, value: object, param: str) -> None:
    assert _param(**{field: value}) == param


def test_counting_needs_no_max_tokens() -> None:
    assert CountTokensRequest.model_validate({"messages": _MESSAGES}).messages
