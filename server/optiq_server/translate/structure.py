"""What a request demands of the reply's form, in harmony's terms. Pure; judges no schema.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Sequence
from typing import assert_never

from optiq_harmony.conversation import (
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponseFormat,
    TextFormat,
)
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import StructureError
from optiq_server.dialect.protocol import UnsupportedStructure
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest, Effort


def structure_of(
    body: ChatCompletionRequest,
    tools: Sequence[FunctionTool],
    positions: Sequence[int],
    *,
    well_formed: bool,
) -> Structure:
    """The demands on the reply. `tools` are the body's functions, `positions` their places in its tools."""
    try:
        return Structure(
            tools=tuple(tools),
            tool_choice=_tool_choice(body),
            parallel_calls=body.parallel_tool_calls is not False,
            response_format=_response_format(body),
            reasoning=stated_effort(body) != "none",
            reasoning_budget=body.reasoning_budget,
            well_formed=well_formed,
        )
    except StructureError as error:
        param = error.field
        if param.startswith("tools["):
            place = int(param.removeprefix("tools[").partition("]")[0])
            param = f"tools[{positions[place]}].function.name"
        raise InvalidRequest(f"'{param}': {error.reason}", param=param, code="invalid_value") from error


def stated_effort(body: ChatCompletionRequest) -> Effort | None:
    """The effort in the spelling that counts, None where none is stated."""
    shared = body.reasoning.effort if body.reasoning is not None else None
    return body.reasoning_effort or shared


def refusal_of(error: UnsupportedStructure, positions: Sequence[int]) -> InvalidRequest:
    """What the dialect cannot enforce, by the name of the request's field."""
    if error.tool is not None:
        param = f"tools[{positions[error.tool]}].function.parameters"
    else:
        param = "response_format.json_schema.schema" if error.in_format else "tools"
    return InvalidRequest(f"'{param}': {error.reason}", param=param, code="invalid_json_schema")


def _tool_choice(body: ChatCompletionRequest) -> ToolChoice:
    choice = body.tool_choice
    if choice is None:
        return ToolChoice()
    match choice.type:
        case "none" | "auto" | "required":
            return ToolChoice(mode=ToolChoiceMode(choice.type))
        case "function":
            if choice.function is None:
                raise _missing("tool_choice.function")
            return ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({choice.function.name}))
        case "allowed_tools":
            allowed = choice.allowed_tools
            if allowed is None:
                raise _missing("tool_choice.allowed_tools")
            names = frozenset(tool.function.name for tool in allowed.tools)
            return ToolChoice(mode=ToolChoiceMode(allowed.mode), names=names)
        case _:
            assert_never(choice.type)


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
