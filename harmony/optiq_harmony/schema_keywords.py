"""The words of JSON Schema, drafts 4 to 2020-12: what may stand behind each, and which cannot be enforced."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

JsonValue: TypeAlias = Any
"""Parsed JSON from a client: of any shape until it is checked."""

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

FORMATS = (
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uuid",
)
"""The formats of strings that llguidance knows."""

UNSUPPORTED = frozenset(
    {
        "$dynamicAnchor",
        "$dynamicRef",
        "$recursiveAnchor",
        "$recursiveRef",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "maxContains",
        "minContains",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)


class Nesting(Enum):
    """How schemas stand behind a keyword; the value says it to a client."""

    ONE = "a schema"
    LIST = "a list of schemas"
    MAP = "an object of schemas"
    ONE_OR_LIST = "a schema, or a list of schemas"


SUBSCHEMAS: Mapping[str, Nesting] = {
    "additionalItems": Nesting.ONE,
    "additionalProperties": Nesting.ONE,
    "allOf": Nesting.LIST,
    "anyOf": Nesting.LIST,
    "items": Nesting.ONE_OR_LIST,
    "oneOf": Nesting.LIST,
    "patternProperties": Nesting.MAP,
    "prefixItems": Nesting.LIST,
    "properties": Nesting.MAP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """What may stand behind a keyword that holds no schemas; `legal` says it to a client."""

    holds: Callable[[object], bool]
    legal: str


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _is_type(value: object) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list | tuple) and len(names) > 0 and all(name in TYPES for name in names)


_TEXT = ValueRule(holds=lambda value: isinstance(value, str), legal="a string")
_NUMBER = ValueRule(holds=_is_number, legal="a number")
_COUNT = ValueRule(holds=_is_count, legal="a whole number from 0 on")
# Draft 4 wrote a boolean here, which turns the neighbouring minimum or maximum exclusive.
_BOUND = ValueRule(holds=lambda value: isinstance(value, bool) or _is_number(value), legal="a number")

VALUES: Mapping[str, ValueRule] = {
    "$anchor": _TEXT,
    "$ref": _TEXT,
    "$schema": _TEXT,
    "$defs": ValueRule(holds=lambda value: isinstance(value, Mapping), legal="an object of schemas"),
    "definitions": ValueRule(holds=lambda value: isinstance(value, Mapping), legal="an object of schemas"),
    "enum": ValueRule(
        holds=lambda value: isinstance(value, list | tuple) and len(value) > 0, legal="a list of values"
    ),
    "exclusiveMaximum": _BOUND,
    "exclusiveMinimum": _BOUND,
    "format": _TEXT,
    "maxItems": _COUNT,
    "maxLength": _COUNT,
    "maxProperties": _COUNT,
    "maximum": _NUMBER,
    "minItems": _COUNT,
    "minLength": _COUNT,
    "minProperties": _COUNT,
    "minimum": _NUMBER,
    "multipleOf": ValueRule(
        holds=lambda value: _is_number(value) and isinstance(value, int | float) and value > 0,
        legal="a number above 0",
    ),
    "pattern": _TEXT,
    "required": ValueRule(holds=_is_names, legal="a list of strings"),
    "type": ValueRule(holds=_is_type, legal=f"one of {', '.join(TYPES)}, or a list of them"),
}
