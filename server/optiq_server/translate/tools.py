"""A request's tools in harmony's terms, with the fields that they came from. Pure.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optiq_harmony.conversation import CustomTool, FunctionTool, GrammarSyntax, Tool, ToolGrammar
from optiq_server.errors import InvalidRequest
from optiq_server.schema.response_tools import NAMESPACE, OWN_TOOLS, ResponseTool, ToolInputFormat
from optiq_server.schema.tools import CustomFormat
from optiq_server.schema.tools import Tool as ToolBody

_DEFAULT_NAMESPACE = "functions"
"""Harmony's own: its tools are called by their bare names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """How the client names a tool that the model calls, and whether it takes text."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTool:
    """A tool that the model may call; where the request has its name, and its schema or grammar.

    `namespace` is the client's, which the tool's own name then has in it.
    """

    tool: Tool
    name_field: str
    form_field: str
    namespace: str | None = None

    @property
    def called(self) -> CalledTool:
        prefix = "" if self.namespace is None else tool_name("", self.namespace)
        return CalledTool(
            name=self.tool.name.removeprefix(prefix),
            namespace=self.namespace,
            is_custom=isinstance(self.tool, CustomTool),
        )


def tool_name(name: str, namespace: str | None) -> str:
    """What the model calls a tool of a client's namespace."""
    return name if namespace in (None, _DEFAULT_NAMESPACE) else f"{namespace}.{name}"


def chat_tools(tools: Sequence[ToolBody]) -> list[DeclaredTool]:
    """The functions and custom tools of a chat; tools of other types are left out."""
    return [
        _chat_tool(tool, f"tools[{index}]")
        for index, tool in enumerate(tools)
        if tool.type in ("function", "custom")
    ]


def response_tools(
    tools: Sequence[ResponseTool], path: str = "tools", namespace: str | None = None
) -> list[DeclaredTool]:
    """The functions and custom tools of a response, also in namespaces; other types are left out."""
    declared: list[DeclaredTool] = []
    for index, tool in enumerate(tools):
        place = f"{path}[{index}]"
        if tool.type in OWN_TOOLS:
            declared.append(_response_tool(tool, place, namespace))
        elif tool.type == NAMESPACE and namespace is None:
            if tool.name is None:
                raise _missing(f"{place}.name")
            declared += response_tools(tool.tools or [], f"{place}.tools", tool.name)
    return declared


def custom_names(tools: Sequence[Tool]) -> frozenset[str]:
    """The names whose calls are plain text."""
    return frozenset(tool.name for tool in tools if isinstance(tool, CustomTool))


def _chat_tool(tool: ToolBody, path: str) -> DeclaredTool:
    if tool.type == "custom":
        return _chat_custom(tool, f"{path}.custom")
    if tool.function is None:
        raise _missing(f"{path}.function")
    return DeclaredTool(
        tool=FunctionTool(
            name=tool.function.name,
            description=tool.function.description or "",
            parameters=tool.function.parameters,
            strict=tool.function.strict is True,
        ),
        name_field=f"{path}.function.name",
        form_field=f"{path}.function.parameters",
    )


def _chat_custom(tool: ToolBody, path: str) -> DeclaredTool:
    if tool.custom is None:
        raise _missing(path)
    return DeclaredTool(
        tool=CustomTool(
            name=tool.custom.name,
            description=tool.custom.description or "",
            grammar=_chat_grammar(tool.custom.format, f"{path}.format"),
        ),
        name_field=f"{path}.name",
        form_field=f"{path}.format",
    )


def _chat_grammar(wanted: CustomFormat | None, path: str) -> ToolGrammar | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.grammar is None:
        raise _missing(f"{path}.grammar")
    return ToolGrammar(syntax=GrammarSyntax(wanted.grammar.syntax), definition=wanted.grammar.definition)


def _response_tool(tool: ResponseTool, path: str, namespace: str | None) -> DeclaredTool:
    if tool.name is None:
        raise _missing(f"{path}.name")
    name, description = tool_name(tool.name, namespace), tool.description or ""
    is_custom = tool.type == "custom"
    declared: Tool = (
        CustomTool(
            name=name,
            description=description,
            grammar=_response_grammar(tool.format, f"{path}.format"),
        )
        if is_custom
        else FunctionTool(
            name=name,
            description=description,
            parameters=tool.parameters,
            strict=tool.strict is True,
        )
    )
    return DeclaredTool(
        tool=declared,
        name_field=f"{path}.name",
        form_field=f"{path}.format" if is_custom else f"{path}.parameters",
        namespace=namespace,
    )


def _response_grammar(wanted: ToolInputFormat | None, path: str) -> ToolGrammar | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.syntax is None:
        raise _missing(f"{path}.syntax")
    if wanted.definition is None:
        raise _missing(f"{path}.definition")
    return ToolGrammar(syntax=GrammarSyntax(wanted.syntax), definition=wanted.definition)


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
