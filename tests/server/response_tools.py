"""Tools of requests for responses: one with a schema, one with a grammar."""

from openai.types.responses import CustomToolParam, FunctionToolParam

ADD: FunctionToolParam = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}
SHELL: CustomToolParam = {
    "type": "custom",
    "name": "shell",
    "format": {"type": "grammar", "syntax": "regex", "definition": "ls( -[a-z])*"},
}
