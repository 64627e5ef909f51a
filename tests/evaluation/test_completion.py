"""Items as bodies, bodies as answers."""

from typing import Any

import pytest

from optiq_server.evaluation.completion import Generation, read_completion, request_body
from optiq_server.evaluation.errors import NoAnswer
from optiq_server.evaluation.suite import Answer, Item, ToolCall

_ITEM = Item(id="1", cluster="1", messages=({"role": "user", "content": "hi"},), reference={}, max_tokens=9)
_TOOL = {"type": "function", "function": {"name": "f"}}


def test_a_body_is_greedy_and_seeded_unless_told_otherwise() -> None:
    assert request_body(_ITEM, (), Generation(model="m")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.0,
        "seed": 0,
        "max_tokens": 9,
    }


def test_the_items_tools_and_effort_and_what_was_added_are_in_the_body() -> None:
    item = Item(
        id="1", cluster="1", messages=_ITEM.messages, reference={}, tools=(_TOOL,), reasoning_effort="low"
    )
    generation = Generation(model="m", max_tokens=50, reasoning_effort="high")

    body = request_body(item, ({"role": "tool", "content": "4"},), generation)

    assert [message["role"] for message in body["messages"]] == ["user", "tool"]
    assert (body["tools"], body["reasoning_effort"], body["max_tokens"]) == ([_TOOL], "low", 50)


def test_the_runs_effort_is_for_items_without_one() -> None:
    assert (
        request_body(_ITEM, (), Generation(model="m", reasoning_effort="high"))["reasoning_effort"] == "high"
    )


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_both_names_of_reasoning_are_read(field: str) -> None:
    body = {"choices": [{"message": {"content": "4", field: "2 and 2"}, "finish_reason": "stop"}]}

    assert read_completion(body, seconds=1.5) == Answer(text="4", reasoning="2 and 2", seconds=1.5)


def test_calls_usage_and_the_reason_of_the_end_are_read() -> None:
    function = {"name": "f", "arguments": "{}"}
    body = {
        "choices": [
            {"message": {"content": None, "tool_calls": [{"function": function}]}, "finish_reason": "length"}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }

    answer = read_completion(body, seconds=0.0)

    assert answer.tool_calls == (ToolCall(name="f", arguments="{}"),)
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("", 5, 2)
    assert answer.truncated


def test_content_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "refusal"}, {"type": "text", "text": "b"}]

    assert read_completion({"choices": [{"message": {"content": parts}}]}, seconds=0).text == "ab"


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{}]}, [], None, {"error": "no"}])
def test_what_is_no_completion_is_no_answer(body: Any) -> None:  # noqa: ANN401  # any JSON
    with pytest.raises(NoAnswer, match="no chat completion"):
        read_completion(body, seconds=0)


def test_impossible_generations_are_refused() -> None:
    with pytest.raises(ValueError, match="temperature"):
        Generation(model="m", temperature=3.0)
    with pytest.raises(ValueError, match="max_tokens"):
        Generation(model="m", max_tokens=0)
