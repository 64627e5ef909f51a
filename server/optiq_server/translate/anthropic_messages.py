"""The messages of Anthropic's API in harmony's terms. Pure.

Rule 1: a user's results of tools come before the user's text, each as a message of its own, in order.
Rule 2: a result that is an error says so, because harmony has no other place for it.
Rule 3: thinking goes back as it came; its signature says nothing, and redacted thinking cannot be read.
Rule 4: a reply begins at the beginning: a conversation that ends with the assistant's words is refused.

Raises InvalidRequest, which names the field.
"""

import json
from collections.abc import Iterator, Sequence

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.errors import InvalidRequest
from optiq_server.schema.anthropic_blocks import AnthropicMessage, Block
from optiq_server.schema.fields import ContentPart

_BLOCK_SEPARATOR = "\n"
"""Blocks stand for themselves; joined without a gap, their words would touch."""
_SYSTEM_SEPARATOR = "\n\n"
_BILLING_HEADER = "x-anthropic-billing-header"
"""Claude Code begins its system prompt with such a line, which is another in each request: the rest of the
prompt would never be found in the cache."""

_BLOCKS_OF_ROLE = {
    "system": ("text",),
    "user": ("text", "tool_result"),
    "assistant": ("text", "thinking", "redacted_thinking", "tool_use"),
}


def system_messages(system: Sequence[ContentPart] | None) -> tuple[DeveloperMessage, ...]:
    """The system prompt as one message; none if it says nothing."""
    texts = (_without_billing(part.text or part.refusal or "") for part in system or ())
    text = _SYSTEM_SEPARATOR.join(filter(None, texts))
    return (DeveloperMessage(text=text),) if text else ()


def conversation_messages(messages: Sequence[AnthropicMessage]) -> tuple[Message, ...]:
    """Each message in harmony's terms. An assistant message that says nothing is left out."""
    if messages[-1].role == "assistant":
        param = f"messages[{len(messages) - 1}].role"
        raise InvalidRequest(
            f"'{param}' is 'assistant': the beginning of a reply cannot be given; end with a user message",
            param=param,
            code="unsupported_value",
        )
    tool_of_call: dict[str, str] = {}
    translated: list[Message] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}].content"
        _require_blocks(message, path)
        match message.role:
            case "system":
                translated.append(DeveloperMessage(text=_text(message.content, path) or ""))
            case "user":
                translated += _results(message.content, path, tool_of_call)
                text = _text(message.content, path)
                translated += [] if text is None else [UserMessage(text=text)]
            case "assistant":
                translated += _assistant(message.content, path, tool_of_call)
    return tuple(translated)


def _without_billing(text: str) -> str:
    return text.partition("\n")[2] if text.startswith(_BILLING_HEADER) else text


def _require_blocks(message: AnthropicMessage, path: str) -> None:
    """Raises InvalidRequest unless the role may send these blocks."""
    legal = _BLOCKS_OF_ROLE[message.role]
    for index, block in enumerate(message.content):
        if block.type not in legal:
            param = f"{path}[{index}].type"
            raise InvalidRequest(
                f"'{param}' is {block.type!r}: a message of role {message.role!r} has {', '.join(legal)}",
                param=param,
                code="invalid_value",
            )
    if not message.content and message.role != "assistant":
        raise InvalidRequest(
            f"'{path}' is an empty list: a {message.role} message needs at least one block",
            param=path,
            code="invalid_value",
        )


def _text(blocks: Sequence[Block], path: str) -> str | None:
    """The text blocks joined; None if there are none."""
    texts = [_required(block.text, f"{at}.text") for at, block in _of_type("text", blocks, path)]
    return _BLOCK_SEPARATOR.join(texts) if texts else None


def _assistant(
    blocks: Sequence[Block], path: str, tool_of_call: dict[str, str]
) -> Iterator[AssistantMessage]:
    thoughts = [
        _required(block.thinking, f"{at}.thinking") for at, block in _of_type("thinking", blocks, path)
    ]
    calls = []
    for at, block in _of_type("tool_use", blocks, path):
        name = _required(block.name, f"{at}.name")
        tool_of_call[_required(block.id, f"{at}.id")] = name
        written = json.dumps(block.input or {}, ensure_ascii=False, separators=(",", ":"))
        calls.append(ToolCall(name=name, arguments=written))
    reasoning = _BLOCK_SEPARATOR.join(filter(None, thoughts)) or None
    text = _text(blocks, path) or None
    if reasoning or text or calls:
        yield AssistantMessage(reasoning=reasoning, text=text, tool_calls=tuple(calls))


def _results(blocks: Sequence[Block], path: str, tool_of_call: dict[str, str]) -> Iterator[ToolMessage]:
    for at, block in _of_type("tool_result", blocks, path):
        param = f"{at}.tool_use_id"
        call_id = _required(block.tool_use_id, param)
        name = tool_of_call.get(call_id)
        if name is None:
            raise InvalidRequest(
                f"'{param}' is {call_id!r}: no earlier assistant message has a tool_use with this id",
                param=param,
                code="invalid_value",
            )
        text = _BLOCK_SEPARATOR.join(part.text or part.refusal or "" for part in block.content or ())
        yield ToolMessage(name=name, text=f"Error: {text}" if block.is_error else text)


def _of_type(kind: str, blocks: Sequence[Block], path: str) -> Iterator[tuple[str, Block]]:
    return ((f"{path}[{index}]", block) for index, block in enumerate(blocks) if block.type == kind)


def _required(value: str | None, param: str) -> str:
    if value is None:
        raise InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
    return value
