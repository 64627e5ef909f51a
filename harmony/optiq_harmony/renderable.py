"""What a conversation must be so that it can be rendered, checked before it is: text, names, schemas.

It knows neither tokens nor openai-harmony.
"""

import math
from collections.abc import Iterator, Mapping
from typing import assert_never

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    CustomTool,
    DeveloperMessage,
    FunctionTool,
    JsonSchema,
    JsonSchemaFormat,
    Message,
    Tool,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.errors import (
    InvalidName,
    InvalidSchema,
    LoneSurrogate,
    SchemaTooDeep,
    TooMuchSpace,
)
from optiq_harmony.json_schema import MAX_DEPTH, check_size
from optiq_harmony.structure_errors import SchemaError

_MOST_SPACE = 250_000
"""Characters in a row. The regular expressions of tokenizers go back through such a run step by step, and
panic at a million steps."""


def require_renderable(conversation: Conversation) -> None:
    """Raises a RenderError for the first field at fault."""
    for index, message in enumerate(conversation.messages):
        for field, text in _texts(message):
            require_text(text, field=f"messages[{index}].{field}")
        for field, name in _names(message):
            _require_name(name, field=f"messages[{index}].{field}")
    for index, tool in enumerate(conversation.tools):
        _require_tool(tool, field=f"tools[{index}]")
    if isinstance(conversation.response_format, JsonSchemaFormat):
        _require_format(conversation.response_format, field="response_format")


def require_text(text: str, *, field: str) -> None:
    """Raises LoneSurrogate, or TooMuchSpace."""
    require_unicode(text, field=field)
    # A run that is too long stands on one of these places.
    for place in range(0, len(text), _MOST_SPACE):
        if text[place].isspace():
            start = len(text[:place].rstrip())
            if len(text) - start - len(text[start:].lstrip()) > _MOST_SPACE:
                raise TooMuchSpace(field, position=start, limit=_MOST_SPACE)


def require_unicode(text: str, *, field: str) -> None:
    """Raises LoneSurrogate, in whose place openai-harmony would put U+FFFD, or fail."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LoneSurrogate(field, position=error.start) from error


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    match message:
        case DeveloperMessage() | UserMessage() | ToolMessage():
            yield "text", message.text
        case AssistantMessage():
            yield "reasoning", message.reasoning or ""
            yield "text", message.text or ""
            for index, call in enumerate(message.tool_calls):
                yield f"tool_calls[{index}].arguments", call.arguments
        case _:
            assert_never(message)


def _names(message: Message) -> Iterator[tuple[str, str]]:
    match message:
        case ToolMessage():
            yield "name", message.name
        case AssistantMessage():
            for index, call in enumerate(message.tool_calls):
                yield f"tool_calls[{index}].name", call.name
        case DeveloperMessage() | UserMessage():
            return
        case _:
            assert_never(message)


def _require_name(name: str, *, field: str) -> None:
    require_unicode(name, field=field)
    # A header is read word by word.
    if name.split() != [name]:
        raise InvalidName(field, name=name)


def _require_tool(tool: Tool, *, field: str) -> None:
    _require_name(tool.name, field=f"{field}.name")
    require_text(tool.description, field=f"{field}.description")
    match tool:
        case FunctionTool():
            if tool.parameters is not None:
                _require_schema(tool.parameters, field=f"{field}.parameters")
        case CustomTool():
            if tool.grammar is not None:
                require_text(tool.grammar.definition, field=f"{field}.grammar")
        case _:
            assert_never(tool)


def _require_format(response_format: JsonSchemaFormat, *, field: str) -> None:
    require_unicode(response_format.name, field=f"{field}.name")
    require_text(response_format.description, field=f"{field}.description")
    _require_schema(response_format.schema, field=f"{field}.schema")


def _require_schema(schema: JsonSchema, *, field: str) -> None:
    _require_value(schema, field=field, depth=0)
    try:
        check_size(schema)
    except SchemaError as error:
        raise InvalidSchema(field, reason=error.reason) from error


def _require_value(value: object, *, field: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise SchemaTooDeep(field, limit=MAX_DEPTH)
    match value:
        case str():
            require_text(value, field=field)
        case float() if not math.isfinite(value):
            raise InvalidSchema(field, reason=f"{value} is no JSON number")
        case Mapping():
            for key, member in value.items():
                _require_value(key, field=field, depth=depth)
                _require_value(member, field=field, depth=depth + 1)
        case list() | tuple():
            for member in value:
                _require_value(member, field=field, depth=depth + 1)
        case _:
            return
