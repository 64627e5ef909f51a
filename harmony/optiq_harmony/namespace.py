"""The developer message's text: instructions, tools, response format. Knows schemas, but no tokens.

openai-harmony renders this too; ours says in full what it abbreviates (see typescript.py), and has the
section for response formats, which it lacks. The form is that of harmony's format guide. The whole is encoded
as ordinary text, so nothing that a client writes here can become a control token.
"""

import json
from collections.abc import Iterator, Sequence
from typing import assert_never

from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponseFormat,
    TextFormat,
    Tool,
)
from optiq_harmony.json_schema import check_size
from optiq_harmony.schema_remarks import comment_lines
from optiq_harmony.typescript import TypeWriter


def developer_text(
    instructions: str | None, tools: Sequence[Tool] = (), response_format: ResponseFormat | None = None
) -> str:
    """All sections of the developer message; empty if there are none."""
    sections = [] if instructions is None else [f"# Instructions\n\n{instructions}"]
    if tools:
        sections.append(functions_section(tools))
    formats = None if response_format is None else response_format_section(response_format)
    if formats is not None:
        sections.append(formats)
    return "\n\n".join(sections)


def functions_section(tools: Sequence[Tool]) -> str:
    """The `# Tools` section with the functions namespace; custom tools are functions of a string.

    Raises SchemaError where parameters are nested too deeply, or too large.
    """
    body = "".join(f"{entry}\n\n" for tool in tools for entry in _entries(tool))
    return f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{body}}} // namespace functions"


def response_format_section(response_format: ResponseFormat) -> str | None:
    """The `# Response Formats` section; None where the format is nothing that has to be told."""
    match response_format:
        case TextFormat():
            return None
        case JsonObjectFormat():
            # The guide knows formats with a schema only, so the plainest schema stands for it.
            return _format_section("json_object", "", '{"type":"object"}')
        case JsonSchemaFormat():
            schema = json.dumps(response_format.schema, ensure_ascii=False, separators=(",", ":"))
            return _format_section(response_format.name, response_format.description, schema)
        case _:
            assert_never(response_format)


def _format_section(name: str, description: str, schema: str) -> str:
    comment = "".join(f"{line}\n" for line in comment_lines(description))
    return f"# Response Formats\n\n## {name}\n\n{comment}{schema}"


def _entries(tool: Tool) -> Iterator[str]:
    comment = "".join(f"{line}\n" for line in comment_lines(tool.description))
    match tool:
        case FunctionTool(parameters=None):
            yield f"{comment}type {tool.name} = () => any;"
        case FunctionTool():
            check_size(tool.parameters)
            writer = TypeWriter(tool.parameters, prefix=tool.name)
            parameters = writer.type_of(tool.parameters)
            yield from (f"type {name} = {text};" for name, text in writer.named_types())
            yield f"{comment}type {tool.name} = (_: {parameters}) => any;"
        case CustomTool():
            remarks = "".join(f"{line}\n" for line in comment_lines(_input_remark(tool)))
            yield f"{comment}{remarks}type {tool.name} = (_: string) => any;"
        case _:
            assert_never(tool)


def _input_remark(tool: CustomTool) -> str:
    if tool.grammar is None:
        return "The input is plain text, not JSON."
    language = {"lark": "Lark grammar", "regex": "regular expression"}[tool.grammar.syntax]
    return f"The input is plain text, not JSON. It matches this {language}:\n{tool.grammar.definition}"
