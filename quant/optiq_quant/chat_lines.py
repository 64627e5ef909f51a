"""Lines of JSON -> conversations: `{"messages": [...], "tools": [...], "split": ..., "topic": ...}`.

Messages are those of OpenAI's chat API; an assistant's reasoning is `reasoning`, `reasoning_content` or
`thinking`. `reasoning_effort` is low, medium or high. Fields that are not named here are left out. It knows
no tokens.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    DeveloperMessage,
    FunctionTool,
    Message,
    ReasoningEffort,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_quant.errors import CalibrationUnusable

_ROLES = ("system", "developer", "user", "assistant", "tool")
_REASONING = ("reasoning", "reasoning_content", "thinking")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLine:
    """One line. `split` is what it says of the part that it belongs to, None where it says nothing."""

    conversation: Conversation
    split: str | None
    topic: str


def parse_chat_line(text: str, *, place: str) -> ChatLine:
    """Raises CalibrationUnusable, which names `place` and the field."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CalibrationUnusable(f"{place}: not JSON: {error}") from error
    reader = _Reader(place)
    fields = reader.mapping(value, "the line")
    messages = reader.sequence(fields.get("messages"), "messages")
    if not messages:
        reader.fail("messages", "must not be empty")
    tools = reader.sequence(fields.get("tools") or [], "tools")
    split = fields.get("split")
    return ChatLine(
        conversation=Conversation(
            messages=_messages(reader, messages),
            system=SystemMessage(effort=_effort(reader, fields.get("reasoning_effort"))),
            tools=tuple(_tool(reader, tool, f"tools[{index}]") for index, tool in enumerate(tools)),
        ),
        split=None if split is None else reader.text(split, "split"),
        topic=reader.text(fields.get("topic") or "", "topic"),
    )


class _Reader:
    """Takes values apart; what has the wrong type is told by its place and field."""

    def __init__(self, place: str) -> None:
        self._place = place

    def fail(self, field: str, problem: str) -> NoReturn:
        raise CalibrationUnusable(f"{self._place}: {field} {problem}")

    def mapping(self, value: object, field: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.fail(field, "must be an object")
        return value

    def sequence(self, value: object, field: str) -> Sequence[Any]:
        if not isinstance(value, list):
            self.fail(field, "must be a list")
        return value

    def text(self, value: object, field: str) -> str:
        if not isinstance(value, str):
            self.fail(field, "must be a string")
        return value

    def content(self, value: object, field: str) -> str:
        """A string, null, or a list of text parts."""
        if value is None or isinstance(value, str):
            return value or ""
        parts = self.sequence(value, field)
        texts = [self.mapping(part, f"{field}[{index}]").get("text") for index, part in enumerate(parts)]
        return "".join(self.text(text, f"{field}[{index}].text") for index, text in enumerate(texts))


def _effort(reader: _Reader, value: object) -> ReasoningEffort:
    if value is None:
        return ReasoningEffort.MEDIUM
    try:
        return ReasoningEffort(reader.text(value, "reasoning_effort"))
    except ValueError:
        reader.fail("reasoning_effort", f"is {value!r}; legal are {', '.join(ReasoningEffort)}")


def _messages(reader: _Reader, values: Sequence[Any]) -> tuple[Message, ...]:
    names: dict[str, str] = {}
    messages: list[Message] = []
    for index, value in enumerate(values):
        field = f"messages[{index}]"
        fields = reader.mapping(value, field)
        text = reader.content(fields.get("content"), f"{field}.content")
        match fields.get("role"):
            case "system" | "developer":
                messages.append(DeveloperMessage(text=text))
            case "user":
                messages.append(UserMessage(text=text))
            case "assistant":
                messages.append(_assistant(reader, fields, text, field))
                names |= _call_names(fields)
            case "tool":
                name = fields.get("name") or names.get(str(fields.get("tool_call_id")))
                messages.append(ToolMessage(name=reader.text(name, f"{field}.name"), text=text))
            case role:
                reader.fail(f"{field}.role", f"is {role!r}; legal are {', '.join(_ROLES)}")
    return tuple(messages)


def _assistant(reader: _Reader, fields: Mapping[str, Any], text: str, field: str) -> AssistantMessage:
    reasoning = next((fields[name] for name in _REASONING if fields.get(name)), None)
    calls = reader.sequence(fields.get("tool_calls") or [], f"{field}.tool_calls")
    return AssistantMessage(
        reasoning=None if reasoning is None else reader.text(reasoning, f"{field}.reasoning"),
        text=text or None,
        tool_calls=tuple(
            _call(reader, call, f"{field}.tool_calls[{index}]") for index, call in enumerate(calls)
        ),
    )


def _call(reader: _Reader, value: object, field: str) -> ToolCall:
    fields = reader.mapping(value, field)
    function = reader.mapping(fields.get("function", fields), f"{field}.function")
    arguments = function.get("arguments", "{}")
    return ToolCall(
        name=reader.text(function.get("name"), f"{field}.function.name"),
        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments),
    )


def _call_names(fields: Mapping[str, Any]) -> dict[str, str]:
    """The called functions' names by the calls' ids: a result may tell only the latter."""
    calls = fields.get("tool_calls") or []
    return {str(call.get("id")): call.get("function", call).get("name") for call in calls}


def _tool(reader: _Reader, value: object, field: str) -> FunctionTool:
    fields = reader.mapping(value, field)
    function = reader.mapping(fields.get("function", fields), f"{field}.function")
    return FunctionTool(
        name=reader.text(function.get("name"), f"{field}.function.name"),
        description=reader.text(function.get("description") or "", f"{field}.function.description"),
        parameters=reader.mapping(function.get("parameters") or {}, f"{field}.function.parameters") or None,
    )
