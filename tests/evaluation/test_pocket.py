"""The pocket model's own tasks: 100 % for what is right, 0 % for what is not, by real tool loops."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from optiq_server.evaluation.pocket import Pocket, load_pocket
from optiq_server.evaluation.suite import Answer, FollowUp, Item, ToolCall


@pytest.fixture(name="suite", scope="module")
def _suite() -> Pocket:
    return load_pocket()


def _call(item: Item) -> Answer:
    call = item.reference["call"]
    arguments = json.dumps(call["arguments"], indent=1)
    return Answer(text="", reasoning="look", tool_calls=(ToolCall(name=call["name"], arguments=arguments),))


def _right(item: Item) -> Answer:
    earlier = (_call(item),) if "call" in item.reference else ()
    return Answer(text=item.reference["answer"], earlier=earlier)


def _function(suite: Pocket) -> Item:
    return next(item for item in suite.items if "call" in item.reference)


def test_there_are_200_conversations_of_each_of_seven_tasks_with_the_efforts_in_turn(suite: Pocket) -> None:
    assert Counter(item.cluster for item in suite.items) == dict.fromkeys(
        ("add", "repeat", "lookup", "hops", "functions", "extract", "smalltalk"), 200
    )
    efforts = Counter((item.cluster, item.reasoning_effort) for item in suite.items)
    assert set(efforts.values()) == {66, 67}
    assert {item.max_tokens for item in suite.items} == {512}


def test_all_reference_answers_pass_and_all_corrupted_ones_fail(suite: Pocket) -> None:
    for item in suite.items:
        right = _right(item)
        assert suite.score(item, right).passed
        assert not suite.score(item, replace(right, text=right.text + ".")).passed


def test_a_right_answer_without_the_call_before_it_fails(suite: Pocket) -> None:
    item = _function(suite)

    assert not suite.score(item, Answer(text=item.reference["answer"])).passed


def test_a_right_call_is_given_its_result(suite: Pocket) -> None:
    item = _function(suite)
    answer = _call(item)

    messages = suite.follow_up(item, answer)

    assert isinstance(suite, FollowUp)
    assert messages is not None
    assistant, tool = messages
    function = {"name": answer.tool_calls[0].name, "arguments": answer.tool_calls[0].arguments}
    assert assistant["tool_calls"] == [{"id": "call_now", "type": "function", "function": function}]
    assert assistant["reasoning_content"] == "look"
    assert tool == {
        "role": "tool",
        "tool_call_id": "call_now",
        "content": item.reference["call"]["result"],
    }


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (ToolCall(name="other", arguments="{}"),),
        (ToolCall(name="NAME", arguments='{"not": "these"}'),),
        (ToolCall(name="NAME", arguments="no JSON"),),
    ],
)
def test_a_wrong_call_ends_the_item_and_fails(suite: Pocket, calls: tuple[ToolCall, ...]) -> None:
    item = _function(suite)
    named = tuple(
        replace(call, name=item.reference["call"]["name"]) if call.name == "NAME" else call for call in calls
    )
    answer = Answer(text=item.reference["answer"], tool_calls=named)

    assert suite.follow_up(item, answer) is None
    assert not suite.score(item, answer).passed


def test_after_the_result_there_is_nothing_to_add(suite: Pocket) -> None:
    item = _function(suite)

    assert suite.follow_up(item, _right(item)) is None


def test_the_shipped_conversations_are_of_odd_seeds_which_training_never_drew(suite: Pocket) -> None:
    ids = [item.id for item in suite.items if item.cluster == "add"]

    assert ids == [f"add/{1_000_001 + 2 * number}" for number in range(200)]
