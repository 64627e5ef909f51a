"""A response's input items as messages of a conversation, and as the items that are kept of them. Pure.

Rule 1: neighbouring items of the assistant (reasoning, text, calls) are one message, so that text before a
        call is a preamble, and reasoning stays with what it led to.
Rule 2: an output belongs to the call with its `call_id`, wherever that stands before it.
Rule 3: reasoning is read from its content, else from our own encoding of it, else from its summary.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Callable, Mapping, Sequence

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.errors import InvalidRequest
from optiq_server.schema.response_items import InputItem, ItemPart
from optiq_server.translate.encoded_reasoning import decode_reasoning
from optiq_server.translate.tools import DeclaredTool, response_tools, tool_name

_PART_SEPARATOR = "\n"
"""As in a chat: parts are blocks of their own."""
_MESSAGE_SEPARATOR = "\n\n"

_ID_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "additional_tools": "at_",
}


_KEPT_AS_SENT = {"type", "role", "call_id", "name", "namespace", "arguments", "input"}


def resolved(items: Sequence[InputItem], stored: Mapping[str, InputItem]) -> list[InputItem]:
    """The items, with those that are stored in place of references to them."""
    return [_resolved(item, f"input[{index}]", stored) for index, item in enumerate(items)]


def references(items: Sequence[InputItem]) -> list[str]:
    """The ids of the items that are only referred to."""
    return [item.id for item in items if item.type == "item_reference" and item.id is not None]


def conversation_messages(earlier: Sequence[InputItem], items: Sequence[InputItem]) -> tuple[Message, ...]:
    """What was said before and what is said now. `earlier` are items of stored responses."""
    messages = _Messages()
    for index, item in enumerate([*earlier, *items]):
        messages.add(item, f"input[{index - len(earlier)}]")
    return messages.finish()


def additional_tools(earlier: Sequence[InputItem], items: Sequence[InputItem]) -> list[DeclaredTool]:
    """The tools that stand among the items, and not in the request's own list."""
    placed = [(item, "previous_response_id.tools") for item in earlier]
    placed += [(item, f"input[{index}].tools") for index, item in enumerate(items)]
    return [
        tool
        for item, path in placed
        if item.type == "additional_tools"
        for tool in response_tools(item.tools or [], path)
    ]


def kept_item(item: InputItem, new_id: Callable[[str], str]) -> dict[str, object]:
    """The item as it is stored and listed: with an id, a status, and its text in parts."""
    sent = item.model_dump(exclude_none=True, include=_KEPT_AS_SENT)
    kept: dict[str, object] = {"id": item.id or new_id(_ID_PREFIXES[item.type]), **sent}
    match item.type:
        case "message":
            kind = "output_text" if item.role == "assistant" else "input_text"
            kept["content"] = [_kept_part(part, kind) for part in item.content or []]
        case "reasoning":
            kept["content"] = [_kept_part(part, "reasoning_text") for part in item.content or []]
            kept["summary"] = [_kept_part(part, "summary_text") for part in item.summary or []]
            if item.encrypted_content is not None:
                kept["encrypted_content"] = item.encrypted_content
        case "function_call_output" | "custom_tool_call_output":
            kept["output"] = _text(item.output) or ""
        case "additional_tools":
            kept["tools"] = [tool.sent for tool in item.tools or []]
    return {**kept, "status": "completed"}


class _Messages:
    """Messages, and the assistant's one that is still being put together."""

    def __init__(self) -> None:
        self._done: list[Message] = []
        self._assistant = AssistantMessage()
        self._tool_of_call: dict[str, str] = {}

    def add(self, item: InputItem, path: str) -> None:
        match item.type:
            case "message":
                self._add_message(item, path)
            case "reasoning":
                self._extend(reasoning=_reasoning(item))
            case "function_call" | "custom_tool_call":
                self._extend(call=self._call(item, path))
            case "additional_tools":
                pass
            case _:
                self._end_assistant()
                self._done.append(self._output(item, path))

    def finish(self) -> tuple[Message, ...]:
        self._end_assistant()
        return tuple(self._done)

    def _add_message(self, item: InputItem, path: str) -> None:
        if item.content is None:
            raise _missing(f"{path}.content")
        text = _text(item.content) or ""
        match item.role:
            case None:
                raise _missing(f"{path}.role")
            case "assistant":
                self._extend(text=text)
            case "user":
                self._end_assistant()
                self._done.append(UserMessage(text=text))
            case "system" | "developer":
                self._end_assistant()
                self._done.append(DeveloperMessage(text=text))

    def _call(self, item: InputItem, path: str) -> ToolCall:
        is_custom = item.type == "custom_tool_call"
        arguments = item.input if is_custom else item.arguments
        if item.call_id is None:
            raise _missing(f"{path}.call_id")
        if item.name is None:
            raise _missing(f"{path}.name")
        if arguments is None:
            raise _missing(f"{path}.input" if is_custom else f"{path}.arguments")
        name = tool_name(item.name, item.namespace)
        self._tool_of_call[item.call_id] = name
        return ToolCall(name=name, arguments=arguments, is_custom=is_custom)

    def _output(self, item: InputItem, path: str) -> ToolMessage:
        if item.call_id is None:
            raise _missing(f"{path}.call_id")
        if item.output is None:
            raise _missing(f"{path}.output")
        name = self._tool_of_call.get(item.call_id)
        if name is None:
            raise InvalidRequest(
                f"'{path}.call_id' is {item.call_id!r}: no earlier item is a call with this id",
                param=f"{path}.call_id",
                code="invalid_value",
            )
        return ToolMessage(name=name, text=_text(item.output) or "")

    def _extend(self, *, reasoning: str = "", text: str = "", call: ToolCall | None = None) -> None:
        before = self._assistant
        self._assistant = AssistantMessage(
            reasoning=_joined(before.reasoning, reasoning),
            text=_joined(before.text, text),
            tool_calls=before.tool_calls if call is None else (*before.tool_calls, call),
        )

    def _end_assistant(self) -> None:
        """An assistant that says nothing is left out."""
        if self._assistant != AssistantMessage():
            self._done.append(self._assistant)
            self._assistant = AssistantMessage()


def _resolved(item: InputItem, path: str, stored: Mapping[str, InputItem]) -> InputItem:
    if item.type != "item_reference":
        return item
    if item.id is None:
        raise _missing(f"{path}.id")
    if item.id not in stored:
        raise InvalidRequest(
            f"'{path}.id' is {item.id!r}: no item with this id is stored",
            param=f"{path}.id",
            code="invalid_value",
        )
    return stored[item.id]


def _reasoning(item: InputItem) -> str:
    told = _text(item.content)
    if told:
        return told
    decoded = None if item.encrypted_content is None else decode_reasoning(item.encrypted_content)
    return decoded or _text(item.summary) or ""


def _joined(before: str | None, more: str) -> str | None:
    return _MESSAGE_SEPARATOR.join(filter(None, (before, more))) or None


def _text(parts: Sequence[ItemPart] | None) -> str | None:
    if not parts:
        return None
    return _PART_SEPARATOR.join(part.text or part.refusal or "" for part in parts)


def _kept_part(part: ItemPart, kind: str) -> dict[str, object]:
    if part.type == "refusal":
        return {"type": "refusal", "refusal": part.refusal}
    kept: dict[str, object] = {"type": kind, "text": part.text}
    return {**kept, "annotations": []} if kind == "output_text" else kept


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
