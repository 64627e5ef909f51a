"""A conversation as chat templates expect it: lists of dictionaries, in the form of Hugging Face. Pure."""

import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import assert_never

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    FunctionTool,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)


def template_messages(messages: Iterable[Message]) -> list[dict[str, object]]:
    """Each message as a dictionary.

    Calls have ids, which some templates demand; nine letters and digits, since Mistral's take no others.
    """
    translated: list[dict[str, object]] = []
    open_calls: deque[tuple[str, str]] = deque()
    count = 0
    for message in messages:
        match message:
            case DeveloperMessage(text=text):
                translated.append({"role": "system", "content": text})
            case UserMessage(text=text):
                translated.append({"role": "user", "content": text})
            case AssistantMessage(tool_calls=calls):
                ids = [f"call{count + index:05d}" for index in range(len(calls))]
                count += len(calls)
                open_calls.extend((call.name, call_id) for call, call_id in zip(calls, ids, strict=True))
                translated.append(_assistant(message, ids))
            case ToolMessage(name=name, text=text):
                call_id = _take(open_calls, name)
                result: dict[str, object] = {"role": "tool", "name": name, "content": text}
                translated.append(result if call_id is None else result | {"tool_call_id": call_id})
            case _:
                assert_never(message)
    return translated


def template_tools(tools: Iterable[FunctionTool]) -> list[dict[str, object]]:
    """The functions as an OpenAI request declares them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters or {"type": "object", "properties": {}}),
            },
        }
        for tool in tools
    ]


def _assistant(message: AssistantMessage, ids: Sequence[str]) -> dict[str, object]:
    translated: dict[str, object] = {"role": "assistant", "content": message.text or ""}
    if message.reasoning:
        translated["reasoning_content"] = message.reasoning
    if message.tool_calls:
        calls = zip(message.tool_calls, ids, strict=True)
        translated["tool_calls"] = [_call(call, call_id) for call, call_id in calls]
    return translated


def _call(call: ToolCall, call_id: str) -> dict[str, object]:
    function = {"name": call.name, "arguments": _arguments(call.arguments)}
    return {"id": call_id, "type": "function", "function": function}


def _arguments(text: str) -> object:
    """Templates write arguments as JSON themselves; what is no object is given as it is."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return text
    return arguments if isinstance(arguments, dict) else text


def _take(open_calls: deque[tuple[str, str]], name: str) -> str | None:
    """The id of the first call of `name` that has no result yet."""
    call = next((call for call in open_calls if call[0] == name), None)
    if call is None:
        return None
    open_calls.remove(call)
    return call[1]
