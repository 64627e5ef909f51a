"""The suite `bfcl`: BFCL v4's simple Python calls, asked through tools, matched by the benchmark's rule.

One function is offered and one call of it is right. The function's name has no dots when it is offered, and
is mapped back when it is scored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_server.evaluation.bfcl_match import mismatch
from optiq_server.evaluation.bfcl_tools import openai_tool, tool_name
from optiq_server.evaluation.datasets import rows_of
from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, ToolCall, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Bfcl:
    """The suite; an item's reference holds BFCL's `function` and the `possible` arguments of its call."""

    items: Sequence[Item]
    name: str = "bfcl"

    def score(self, item: Item, answer: Answer) -> Verdict:
        wrong = _call_mismatch(item.reference, answer.tool_calls)
        if wrong is None:
            return Verdict(outcome=Outcome.PASSED)
        return Verdict(outcome=Outcome.FAILED, detail=wrong)


def load_bfcl(questions: Path, answers: Path) -> Bfcl:
    """Raises DataDamaged."""
    solutions = {row["id"]: row for row in rows_of(answers, ("id", "ground_truth"))}
    rows = rows_of(questions, ("id", "question", "function"))
    return Bfcl(items=tuple(_item(row, solutions) for row in rows))


def _item(question: JsonObject, answers: Mapping[str, JsonObject]) -> Item:
    try:
        (function,) = question["function"]
        (call,) = answers[question["id"]]["ground_truth"]
        return Item(
            id=question["id"],
            cluster=question["id"],
            messages=tuple(question["question"][0]),
            tools=(openai_tool(function),),
            reference={"function": function, "possible": call[function["name"]]},
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataDamaged(
            f"bfcl: {question['id']} is no question with one function and its answer: {error!r}"
        ) from error


def _call_mismatch(reference: JsonObject, calls: Sequence[ToolCall]) -> str | None:
    function = reference["function"]
    if len(calls) != 1:
        return f"{len(calls)} calls instead of one"
    if calls[0].name != tool_name(function["name"]):
        return f"{calls[0].name} was called instead of {function['name']}"
    arguments = _arguments(calls[0])
    if arguments is None:
        return "the arguments are not a JSON object"
    return mismatch(function, arguments, reference["possible"])


def _arguments(call: ToolCall) -> Mapping[str, Any] | None:
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None
