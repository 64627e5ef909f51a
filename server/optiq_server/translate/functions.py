"""The deprecated spelling of tools: `functions` and `function_call`, in requests and in replies. Pure.

A reply in this spelling has one call at most, and the call has no id.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Sequence

from optiq_harmony.conversation import FunctionTool
from optiq_harmony.structure import ToolChoice, ToolChoiceMode
from optiq_server.errors import InvalidRequest
from optiq_server.schema.structure import FunctionChoiceObject
from optiq_server.schema.tools import FunctionDefinition
from optiq_server.translate.tools import DeclaredTool


def declared_functions(functions: Sequence[FunctionDefinition]) -> list[DeclaredTool]:
    """The functions, and where the request has them."""
    return [
        DeclaredTool(
            tool=FunctionTool(
                name=each.name,
                description=each.description or "",
                parameters=each.parameters,
                strict=each.strict is True,
            ),
            name_field=f"functions[{index}].name",
            form_field=f"functions[{index}].parameters",
        )
        for index, each in enumerate(functions)
    ]


def function_choice(
    choice: FunctionChoiceObject | None, functions: Sequence[FunctionDefinition]
) -> ToolChoice:
    """Which function may be called, or must."""
    if choice is None:
        return ToolChoice()
    if choice.mode is not None:
        return ToolChoice(mode=ToolChoiceMode(choice.mode))
    if choice.name is None:
        raise InvalidRequest(
            "'function_call.name' is missing",
            param="function_call.name",
            code="missing_required_parameter",
        )
    if choice.name not in {each.name for each in functions}:
        raise InvalidRequest(
            f"'function_call.name' is {choice.name!r}: it is not among the functions",
            param="function_call.name",
            code="invalid_value",
        )
    return ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({choice.name}))


def with_function_call(message: dict[str, object]) -> dict[str, object]:
    """A reply's message, or a part of one, with its call in this spelling."""
    match message:
        case {"tool_calls": [{"function": function}, *_], **rest}:
            return {**rest, "function_call": function}
        case _:
            return message
