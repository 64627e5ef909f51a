"""BFCL's rule for one call of a Python function: does it equal one of the possible answers? Pure.

The rule is that of the benchmark's own checker (`bfcl-eval` 2026.3.23, `ast_checker`), its oddities
included, so that figures can be compared: only an argument itself may be an integer where a float is
declared, types are looked at one level deep, and `""` among the possible answers means that the argument
may be left out.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from optiq_server.evaluation.suite import JsonObject

PYTHON_TYPES: Mapping[str, type] = {
    "any": str,
    "array": list,
    "boolean": bool,
    "dict": dict,
    "float": float,
    "integer": int,
    "string": str,
    "tuple": list,
}
_LEFT_OUT = ""


def mismatch(function: JsonObject, arguments: JsonObject, possible: JsonObject) -> str | None:
    """Why these arguments are wrong, or None. `function` is BFCL's description, `possible` its answer: for
    each parameter the list of values that are right.
    """
    schemas = function["parameters"]["properties"]
    for name in function["parameters"].get("required", ()):
        if name not in arguments:
            return f"the required parameter {name} is missing"
    for name, value in arguments.items():
        if name not in schemas or name not in possible:
            return f"there is no parameter {name}"
        wrong = _argument_mismatch(value, schemas[name], possible[name])
        if wrong is not None:
            return f"{name}: {wrong}"
    for name, values in possible.items():
        if name not in arguments and _LEFT_OUT not in values:
            return f"the parameter {name} may not be left out"
    return None


def _argument_mismatch(value: object, schema: JsonObject, possible: Sequence[Any]) -> str | None:
    declared = schema.get("type", "any")
    expected = PYTHON_TYPES[declared]
    inner = PYTHON_TYPES[schema["items"]["type"]] if declared in ("array", "tuple") else None
    if declared == "float" and type(value) is int:
        value = float(value)
    answers = _type_of_answers(possible)
    if type(value) not in (expected, answers):
        return f"{value!r} is no {declared}"
    if isinstance(value, list) and inner is not None and not _elements_have_type(value, inner, possible):
        return f"the elements of {value!r} are no {schema['items']['type']}"
    # Possible answers of another type than the declared one stand for a variable's name: compared as it is.
    if type(value) is not expected or answers not in (None, expected):
        return None if value in possible else _not_one_of(value, possible)
    return _value_mismatch(value, inner, possible)


def _type_of_answers(possible: Sequence[Any]) -> type | None:
    """The type of the first answer that is one; None where the parameter may only be left out."""
    return next((type(answer) for answer in possible if answer != _LEFT_OUT), None)


def _elements_have_type(value: Sequence[Any], inner: type, possible: Sequence[Any]) -> bool:
    """Against one of the answers, each element has the declared type or that answer's own."""
    return any(
        not isinstance(answer, list)
        or all(type(element) in (inner, _type_of_answers(answer)) for element in value)
        for answer in possible
    )


def _value_mismatch(value: object, inner: type | None, possible: Sequence[Any]) -> str | None:
    """For a value of the declared type."""
    if isinstance(value, dict):
        return _object_mismatch(value, possible)
    if isinstance(value, list) and inner is dict:
        return _objects_mismatch(value, possible)
    if isinstance(value, list):
        right = _standard_all(value) in [_standard_all(answer) for answer in possible]
    else:
        right = _standard(value) in [_standard(answer) for answer in possible]
    return None if right else _not_one_of(value, possible)


def _objects_mismatch(value: Sequence[Any], possible: Sequence[Any]) -> str | None:
    """A list of objects, in the order of one of the answers."""
    wrong: str | None = "there is no possible answer"
    for answer in possible:
        if len(answer) != len(value):
            wrong = f"{len(value)} objects instead of {len(answer)}"
            continue
        pairs = zip(value, answer, strict=True)
        wrong = next(filter(None, (_object_mismatch(each, [right]) for each, right in pairs)), None)
        if wrong is None:
            return None
    return wrong


def _object_mismatch(value: JsonObject, possible: Sequence[Any]) -> str | None:
    wrong: str | None = "there is no possible answer"
    for answer in possible:
        if answer != _LEFT_OUT:
            wrong = _fields_mismatch(value, answer)
            if wrong is None:
                return None
    return wrong


def _fields_mismatch(value: JsonObject, answer: JsonObject) -> str | None:
    """`answer` has for each key the list of values that are right."""
    for key, field in value.items():
        if key not in answer:
            return f"there is no key {key}"
        if _standard(field) not in [_standard(right) for right in answer[key]]:
            return f"{key}: {_not_one_of(field, answer[key])}"
    for key, values in answer.items():
        if key not in value and _LEFT_OUT not in values:
            return f"the key {key} is missing"
    return None


def _standard(value: object) -> object:
    """A string without case, spaces and light punctuation, so that `April 1, 2024` equals `april 1 2024`."""
    if not isinstance(value, str):
        return value
    return re.sub(r"[ ,./\-_*^]", "", value).lower().replace("'", '"')


def _standard_all(values: Sequence[object]) -> list[object]:
    return [_standard(value) for value in values]


def _not_one_of(value: object, possible: Sequence[Any]) -> str:
    return f"{value!r} is not one of {list(possible)!r}"
