"""The text of a tool call, as other models than gpt-oss write it -> the calls in it. Pure.

mlx-lm has a parser for each way of writing them; what such a parser gives is judged here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optiq_server.dialect.markers import Marker

ParseCalls: TypeAlias = Callable[[str, Sequence[Mapping[str, object]]], object]
"""mlx-lm's: the text between the marks and the declared tools -> a call or several, as dictionaries."""

_PARSER_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    SyntaxError,
    RecursionError,
    MemoryError,
)
"""What such a parser raises on a model's nonsense: they index, match, convert and evaluate literals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFormat:
    """How a model writes calls: between `start` and `end`, or to the end of the reply where `end` is None.

    `is_json` where the text is `{"name": ..., "arguments": {...}}`.
    """

    start: Marker
    end: Marker | None
    parse: ParseCalls
    is_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCall:
    """A call; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


def read_calls(
    text: str, tool_format: ToolFormat, tools: Sequence[Mapping[str, object]]
) -> tuple[WrittenCall, ...]:
    """The calls in `text`; none where it cannot be read as such as a whole."""
    try:
        parsed = tool_format.parse(text, tools)
        calls = parsed if isinstance(parsed, list) else [parsed]
        return tuple(_call(each) for each in calls)
    except _PARSER_ERRORS:
        return ()


def _call(parsed: object) -> WrittenCall:
    """Raises ValueError or TypeError."""
    if not isinstance(parsed, Mapping):
        raise TypeError("a call is an object")
    name = parsed.get("name")
    # Models of Meta's write `parameters`.
    arguments = parsed.get("arguments", parsed.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(name, str) or not name or not isinstance(arguments, Mapping):
        raise ValueError("a call has a name, and an object of arguments")
    return WrittenCall(name=name, arguments=json.dumps(arguments, ensure_ascii=False, allow_nan=False))
