"""The suite as a whole: right calls are all right, spoilt ones all wrong, by hand and with all 400 items."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optiq_server.evaluation.bfcl import Bfcl, load_bfcl
from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.suite import Answer, Item, Outcome, ToolCall
from tests.evaluation.benchmark_data import published

_QUESTION = {
    "id": "simple_python_0",
    "question": [[{"role": "user", "content": "The factorial of 5?"}]],
    "function": [
        {
            "name": "math.factorial",
            "description": "Compute a factorial.",
            "parameters": {
                "type": "dict",
                "properties": {
                    "number": {"type": "integer", "description": "Of what."},
                    "unit": {"type": "string", "description": "Optional."},
                },
                "required": ["number"],
            },
        }
    ],
}
_SOLUTION = {
    "id": "simple_python_0",
    "ground_truth": [{"math.factorial": {"number": [5], "unit": ["", "one"]}}],
}


def _written(folder: Path, question: object, solution: object) -> tuple[Path, Path]:
    paths = (folder / "questions.json", folder / "answers.json")
    for path, row in zip(paths, (question, solution), strict=True):
        path.write_text(json.dumps(row) + "\n")
    return paths


@pytest.fixture(name="suite")
def _suite(tmp_path: Path) -> Bfcl:
    return load_bfcl(*_written(tmp_path, _QUESTION, _SOLUTION))


@pytest.fixture(name="published_suite", scope="module")
def _published_suite() -> Bfcl:
    return load_bfcl(
        published("bfcl/BFCL_v4_simple_python.json"), published("bfcl/BFCL_v4_simple_python_answer.json")
    )


def _filled(possible: object) -> Any:  # noqa: ANN401  # an argument of any type
    """An argument out of a possible answer: where that has objects, each key has a list of right values."""
    if isinstance(possible, dict):
        return {key: values[0] for key, values in possible.items() if values[0] != ""}
    if isinstance(possible, list) and any(isinstance(each, dict) for each in possible):
        return [_filled(each) for each in possible]
    return possible


def _reference_arguments(item: Item) -> dict[str, Any]:
    """All that are required, and each other one whose first possible answer is a value."""
    required = item.reference["function"]["parameters"]["required"]
    return {
        name: _filled(next(value for value in values if value != ""))
        for name, values in item.reference["possible"].items()
        if values[0] != "" or name in required
    }


def _answer(name: str, arguments: object) -> Answer:
    return Answer(text="", tool_calls=(ToolCall(name=name, arguments=json.dumps(arguments)),))


def _reference_answer(item: Item) -> Answer:
    return _answer(item.tools[0]["function"]["name"], _reference_arguments(item))


def _other_value(value: object) -> object:
    return {"other": 1} if isinstance(value, str) else "no such value"


def _each_value_of_another_type(item: Item) -> Answer:
    spoilt = {name: _other_value(value) for name, value in _reference_arguments(item).items()}
    return _answer(item.tools[0]["function"]["name"], spoilt)


def _first_required_missing(item: Item) -> Answer:
    arguments = _reference_arguments(item)
    del arguments[item.reference["function"]["parameters"]["required"][0]]
    return _answer(item.tools[0]["function"]["name"], arguments)


def _one_too_many(item: Item) -> Answer:
    return _answer(item.tools[0]["function"]["name"], {**_reference_arguments(item), "no_such_parameter": 1})


def _wrong_name(item: Item) -> Answer:
    return _answer(item.tools[0]["function"]["name"] + "_2", _reference_arguments(item))


def _called_twice(item: Item) -> Answer:
    call = _reference_answer(item).tool_calls[0]
    return Answer(text="", tool_calls=(call, call))


def _said_not_called(item: Item) -> Answer:
    return Answer(text=json.dumps(_reference_arguments(item)))


def _broken_json(item: Item) -> Answer:
    call = _reference_answer(item).tool_calls[0]
    return Answer(text="", tool_calls=(ToolCall(name=call.name, arguments=call.arguments[:-1]),))


def _a_list_of_arguments(item: Item) -> Answer:
    return _answer(item.tools[0]["function"]["name"], [_reference_arguments(item)])


_CORRUPTIONS: list[tuple[Callable[[Item], Answer], str]] = [
    (_each_value_of_another_type, " is no "),
    (_first_required_missing, "is missing"),
    (_one_too_many, "there is no parameter no_such_parameter"),
    (_wrong_name, "_2 was called instead of "),
    (_called_twice, "2 calls instead of one"),
    (_said_not_called, "0 calls instead of one"),
    (_broken_json, "not a JSON object"),
    (_a_list_of_arguments, "not a JSON object"),
]


def test_the_item_asks_through_a_tool_and_keeps_the_answer_for_itself(suite: Bfcl) -> None:
    (item,) = suite.items

    assert item.id == "simple_python_0"
    assert item.messages == ({"role": "user", "content": "The factorial of 5?"},)
    assert item.tools[0]["function"]["name"] == "math_factorial"
    assert "ground_truth" not in json.dumps([*item.messages, *item.tools])


def test_the_reference_answer_passes(suite: Bfcl) -> None:
    (item,) = suite.items

    assert suite.score(item, _answer("math_factorial", {"number": 5})).passed
    assert suite.score(item, _answer("math_factorial", {"number": 5, "unit": "One"})).passed


@pytest.mark.parametrize(("corrupt", "why"), _CORRUPTIONS)
def test_each_corruption_fails_and_says_why(suite: Bfcl, corrupt: Callable[[Item], Answer], why: str) -> None:
    (item,) = suite.items

    verdict = suite.score(item, corrupt(item))

    assert verdict.outcome is Outcome.FAILED
    assert why in verdict.detail


def test_all_400_reference_answers_pass(published_suite: Bfcl) -> None:
    verdicts = {
        item.id: published_suite.score(item, _reference_answer(item)) for item in published_suite.items
    }

    assert len(verdicts) == 400
    assert [(name, verdict.detail) for name, verdict in verdicts.items() if not verdict.passed] == []


@pytest.mark.parametrize("corrupt", [corrupt for corrupt, _ in _CORRUPTIONS])
def test_all_400_corrupted_answers_fail(published_suite: Bfcl, corrupt: Callable[[Item], Answer]) -> None:
    verdicts = {item.id: published_suite.score(item, corrupt(item)) for item in published_suite.items}

    assert [name for name, verdict in verdicts.items() if verdict.passed or not verdict.detail] == []


def test_a_question_without_its_answer_is_told(tmp_path: Path) -> None:
    files = _written(tmp_path, _QUESTION, {**_SOLUTION, "id": "simple_python_1"})

    with pytest.raises(DataDamaged, match="simple_python_0"):
        load_bfcl(*files)


def test_two_functions_are_no_simple_question(tmp_path: Path) -> None:
    files = _written(tmp_path, {**_QUESTION, "function": [*_QUESTION["function"], {}]}, _SOLUTION)

    with pytest.raises(DataDamaged, match="one function"):
        load_bfcl(*files)
