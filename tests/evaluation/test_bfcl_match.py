"""BFCL's rule for the arguments of a call. The cases were compared with the benchmark's own checker."""

from typing import Any

import pytest

from optiq_server.evaluation.bfcl_match import mismatch


def _wrong(
    schema: dict[str, Any], value: object, possible: list[Any], required: tuple[str, ...] = ("x",)
) -> str | None:
    function = {"name": "f", "parameters": {"properties": {"x": schema}, "required": list(required)}}
    return mismatch(function, {"x": value}, {"x": possible})


@pytest.mark.parametrize(
    ("schema", "value", "possible"),
    [
        ({"type": "integer"}, 5, [4, 5]),
        ({"type": "float"}, 5, [5.0]),
        ({"type": "float"}, 5.0, [5]),
        ({"type": "boolean"}, False, [False]),
        ({"type": "string"}, "April 1, 2024", ["april 1 2024"]),
        ({"type": "string"}, "It's x^2", ['it"s X2']),
        ({"type": "any"}, "Anything", ["anything"]),
        ({"type": "array", "items": {"type": "string"}}, ["New York", "LA"], [["new-york", "la"]]),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2], [[2, 1], [1, 2]]),
        ({"type": "tuple", "items": {"type": "float"}}, [1.5, -2.0], [[1.5, -2.0]]),
        ({"type": "array", "items": {"type": "float"}}, [1, 2], [[1, 2]]),
        ({"type": "array", "items": {"type": "array"}}, [[1, 2], [3]], [[[1, 2], [3]]]),
        ({"type": "array", "items": {"type": "string"}}, [], [["a"], ""]),
        ({"type": "dict"}, {"a": "One"}, [{"a": ["one", "two"], "b": [1, ""]}]),
        ({"type": "dict"}, {"a": ["A of spades"]}, ["", {"a": [["A of spades"]]}]),
        ({"type": "array", "items": {"type": "dict"}}, [{"a": 1}, {"a": 2}], [[{"a": [1]}, {"a": [2]}]]),
        # A possible answer of another type than the declared one: a variable's name.
        ({"type": "integer"}, "user_count", ["user_count"]),
    ],
)
def test_what_is_right(schema: dict[str, Any], value: object, possible: list[Any]) -> None:
    assert _wrong(schema, value, possible) is None


@pytest.mark.parametrize(
    ("schema", "value", "possible", "why"),
    [
        ({"type": "integer"}, 6, [4, 5], "6 is not one of"),
        ({"type": "integer"}, 5.0, [5], "5.0 is no integer"),
        ({"type": "integer"}, "5", [5], "'5' is no integer"),
        ({"type": "integer"}, True, [1], "True is no integer"),
        ({"type": "integer"}, None, [5], "None is no integer"),
        ({"type": "float"}, "5.0", [5.0], "is no float"),
        ({"type": "boolean"}, 1, [True], "is no boolean"),
        ({"type": "string"}, 5, ["5"], "is no string"),
        ({"type": "string"}, "Paris, France", ["Paris"], "is not one of"),
        ({"type": "array", "items": {"type": "integer"}}, [2, 1], [[1, 2]], "is not one of"),
        ({"type": "array", "items": {"type": "integer"}}, 1, [[1]], "is no array"),
        ({"type": "array", "items": {"type": "integer"}}, ["1"], [[1]], "the elements"),
        # Only an argument itself may be an integer for a float.
        ({"type": "array", "items": {"type": "float"}}, [1, 2], [[1.0, 2.0]], "the elements"),
        ({"type": "array", "items": {"type": "string"}}, ["a", "b"], [["a"]], "is not one of"),
        ({"type": "dict"}, {"a": 1, "c": 2}, [{"a": [1]}], "there is no key c"),
        ({"type": "dict"}, {}, [{"a": [1]}], "the key a is missing"),
        ({"type": "dict"}, {"a": 2}, [{"a": [1]}], "a: 2 is not one of"),
        ({"type": "dict"}, {"a": 2}, [""], "no possible answer"),
        ({"type": "array", "items": {"type": "dict"}}, [{"a": 1}], [[{"a": [1]}, {"a": [2]}]], "1 objects"),
        ({"type": "array", "items": {"type": "dict"}}, [{"a": 2}], [[{"a": [1]}]], "a: 2 is not one of"),
        ({"type": "array", "items": {"type": "dict"}}, ["a"], [[{"a": [1]}]], "the elements"),
        ({"type": "integer"}, "User_Count", ["user_count"], "is not one of"),
    ],
)
def test_what_is_wrong(schema: dict[str, Any], value: object, possible: list[Any], why: str) -> None:
    wrong = _wrong(schema, value, possible)

    assert wrong is not None
    assert wrong.startswith("x: ")
    assert why in wrong


def test_an_optional_parameter_may_be_left_out_only_if_the_answer_says_so() -> None:
    function = {"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}, "required": []}}

    assert mismatch(function, {}, {"x": [1, ""]}) is None
    assert mismatch(function, {}, {"x": [1]}) == "the parameter x may not be left out"


def test_a_required_parameter_is_missed_even_if_the_answer_could_do_without() -> None:
    function = {"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}

    assert mismatch(function, {}, {"x": [""]}) == "the required parameter x is missing"


@pytest.mark.parametrize("possible", [{"x": [1]}, {"x": [1], "y": [2, ""]}])
def test_a_parameter_that_the_function_does_not_have_is_unexpected(possible: dict[str, Any]) -> None:
    function = {"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}}

    assert mismatch(function, {"x": 1, "y": 2}, possible) == "there is no parameter y"
