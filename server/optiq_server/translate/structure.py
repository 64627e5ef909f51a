"""What a request demands of the reply's form, in harmony's terms. Pure; judges no schema.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from optiq_harmony.conversation import (
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponseFormat,
    TextFormat,
    Tool,
)
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import StructureError
from optiq_server.dialect.protocol import UnrenderableConversation, UnsupportedStructure
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest, Effort
from optiq_server.schema.structure import AllowedTool
from optiq_server.translate.functions import function_choice
from optiq_server.translate.job import FieldNames


def structure_of(
    body: ChatCompletionRequest,
    tools: Sequence[Tool],
    name_fields: Sequence[str],
    *,
    well_formed: bool,
) -> Structure:
    """The demands on the reply. `tools` are the body's, `name_fields` where it has their names."""
    try:
        return Structure(
            tools=tuple(tools),
            tool_choice=_tool_choice(body),
            parallel_calls=body.parallel_tool_calls is not False and not body.functions,
            response_format=_response_format(body),
            reasoning=stated_effort(body) != "none",
            reasoning_budget=body.reasoning_budget,
            well_formed=well_formed,
        )
    except StructureError as error:
        raise inconsistent(error, name_fields) from error


def stated_effort(body: ChatCompletionRequest) -> Effort | None:
    """The effort in the spelling that counts, None where none is stated."""
    shared = body.reasoning.effort if body.reasoning is not None else None
    return body.reasoning_effort or shared


def inconsistent(error: StructureError, name_fields: Sequence[str]) -> InvalidRequest:
    """Demands that contradict each other. `name_fields` are where the tools' names stand in the request."""
    param = error.field
    if param.startswith("tools["):
        param = name_fields[int(param.removeprefix("tools[").partition("]")[0])]
    return InvalidRequest(f"'{param}': {error.reason}", param=param, code="invalid_value")


def refusal_of(error: UnsupportedStructure, names: FieldNames) -> InvalidRequest:
    """What the dialect cannot enforce, by the name of the request's field."""
    if error.tool is not None:
        param = names.tools[error.tool]
    else:
        param = names.response_schema if error.in_format else "tools"
    return InvalidRequest(f"'{param}': {error.reason}", param=param, code="invalid_json_schema")


def unrenderable(error: UnrenderableConversation, names: FieldNames) -> InvalidRequest:
    """What the dialect cannot put into a prompt, by the name of the request's field.

    Of a message it is the whole list: messages that say nothing were left out, so their places differ.
    """
    part, _, rest = error.field.partition("[")
    match part:
        case "messages":
            param = names.prompt
        case "tools":
            param = names.tools[int(rest.partition("]")[0])].partition(".")[0]
        case _:
            param = names.response_schema
    return InvalidRequest(error.reason, param=param, code="invalid_value")


def _tool_choice(body: ChatCompletionRequest) -> ToolChoice:
    choice = body.tool_choice
    if body.functions or (body.function_call is not None and body.function_call.mode is None):
        return function_choice(body.function_call, body.functions or [])
    if choice is None:
        return ToolChoice()
    match choice.type:
        case "none" | "auto" | "required":
            return ToolChoice(mode=ToolChoiceMode(choice.type))
        case "function" | "custom":
            tool = choice.function if choice.type == "function" else choice.custom
            if tool is None:
                raise _missing(f"tool_choice.{choice.type}")
            return ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({tool.name}))
        case "allowed_tools":
            allowed = choice.allowed_tools
            if allowed is None:
                raise _missing("tool_choice.allowed_tools")
            names = frozenset(_allowed_names(allowed.tools))
            return ToolChoice(mode=ToolChoiceMode(allowed.mode), names=names)
        case _:
            assert_never(choice.type)


def _allowed_names(tools: Sequence[AllowedTool]) -> Iterator[str]:
    for index, tool in enumerate(tools):
        named = tool.function if tool.type == "function" else tool.custom
        if named is None:
            raise _missing(f"tool_choice.allowed_tools.tools[{index}].{tool.type}")
        yield named.name


def _response_format(body: ChatCompletionRequest) -> ResponseFormat:
    wanted = body.response_format
    if wanted is None or wanted.type == "text":
        return TextFormat()
    if wanted.json_schema is None:
        return JsonObjectFormat()
    return JsonSchemaFormat(
        name=wanted.json_schema.name,
        description=wanted.json_schema.description or "",
        schema={} if wanted.json_schema.schema_ is None else wanted.json_schema.schema_,
    )


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
