"""A function as BFCL describes it -> a tool as OpenAI describes it. Pure; it knows no answers.

The mapping of types and the sentences added to descriptions are those of the benchmark's own harness
(`bfcl-eval` 2026.3.23), so that a model reads here what it reads there.
"""

import re
from typing import Any

from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.suite import JsonObject

JSON_TYPES = {
    "any": "string",
    "array": "array",
    "boolean": "boolean",
    "dict": "object",
    "float": "number",
    "integer": "integer",
    "string": "string",
    "tuple": "array",
}
"""BFCL's names of types, which are Python's, and JSON schema's."""

_SYNTAX_HINT = " Note that the provided function is in Python 3 syntax."
_FLOAT_HINT = " This is a float type value."


def tool_name(function_name: str) -> str:
    """The name under which a function is offered: OpenAI allows no dot."""
    return re.sub(r"\.", "_", function_name)


def openai_tool(function: JsonObject) -> JsonObject:
    """Raises DataDamaged where a type is none of `JSON_TYPES`."""
    return {
        "type": "function",
        "function": {
            "name": tool_name(function["name"]),
            "description": function["description"] + _SYNTAX_HINT,
            "parameters": _schema(function["parameters"]),
        },
    }


def _schema(described: JsonObject) -> dict[str, Any]:
    schema = dict(described)
    declared = described.get("type", "any")
    if declared not in JSON_TYPES:
        raise DataDamaged(f"BFCL knows no type {declared!r}; it has {', '.join(JSON_TYPES)}")
    schema["type"] = JSON_TYPES[declared]
    if "properties" in described:
        schema["properties"] = {name: _property(inner) for name, inner in described["properties"].items()}
    if "items" in described:
        schema["items"] = _schema(described["items"])
    return schema


def _property(described: JsonObject) -> dict[str, Any]:
    schema = _schema(described)
    if described.get("type") == "float":
        schema["format"] = "float"
        schema["description"] = described.get("description", "") + _FLOAT_HINT
    return schema
