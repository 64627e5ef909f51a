"""The pocket model's own tasks, on conversations that it was never trained on.

The conversations come with the package (`data/pocket.jsonl.gz`, made by `python -m tools.pocket.held_out`):
200 of each task, the reasoning efforts in turn. Exact match of the final answer; a function must be called by
name with equal arguments before, and its result is then given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

from optiq_server.evaluation.datasets import rows_of
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, Verdict

_LONGEST_REPLY = 512
_COLUMNS = ("id", "task", "effort", "messages", "answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pocket:
    """The suite; a reference holds the `answer` and, where a function is to be called, the `call`."""

    items: Sequence[Item]
    name: str = "pocket"

    def score(self, item: Item, answer: Answer) -> Verdict:
        call = item.reference.get("call")
        if call is not None and not (answer.earlier and _same_call(answer.earlier[0], call)):
            return Verdict(
                outcome=Outcome.FAILED, detail=f"wanted the call {call['name']} {call['arguments']}"
            )
        if answer.text != item.reference["answer"]:
            return Verdict(outcome=Outcome.FAILED, detail=f"wanted {item.reference['answer']!r}")
        return Verdict(outcome=Outcome.PASSED)

    def follow_up(self, item: Item, answer: Answer) -> Sequence[JsonObject] | None:
        call = item.reference.get("call")
        if call is None or answer.earlier or not _same_call(answer, call):
            return None
        made = answer.tool_calls[0]
        function = {"name": made.name, "arguments": made.arguments}
        turn: dict[str, Any] = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_now", "type": "function", "function": function}],
        }
        if answer.reasoning:
            turn["reasoning_content"] = answer.reasoning
        return (turn, {"role": "tool", "tool_call_id": "call_now", "content": call["result"]})


def load_pocket() -> Pocket:
    with as_file(files("optiq_server.evaluation") / "data" / "pocket.jsonl.gz") as path:
        rows = rows_of(path, _COLUMNS)
    return Pocket(items=tuple(_item(row) for row in rows))


def _item(row: dict[str, Any]) -> Item:
    call = row.get("call")
    reference = {"answer": row["answer"]} | ({} if call is None else {"call": call})
    return Item(
        id=row["id"],
        cluster=row["task"],
        messages=tuple(row["messages"]),
        tools=tuple(row.get("tools", ())),
        reference=reference,
        max_tokens=_LONGEST_REPLY,
        reasoning_effort=row["effort"],
    )


def _same_call(answer: Answer, wanted: JsonObject) -> bool:
    if not answer.tool_calls or answer.tool_calls[0].name != wanted["name"]:
        return False
    try:
        return bool(json.loads(answer.tool_calls[0].arguments) == wanted["arguments"])
    except ValueError:
        return False
