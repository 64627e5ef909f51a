"""Answers are checked here by other means than the generator's own: by reading the question."""

import json
import re

import pytest

from tools.pocket.conversations import EFFORTS, Dialogue, Exchange
from tools.pocket.generator import MAKERS, Generator

_SEEDS = range(1, 301, 2)


def _exchanges(generator: Generator, family: str) -> list[Exchange]:
    return [generator.dialogue(seed, {family: 1.0}).current for seed in _SEEDS]


def test_a_seed_gives_the_same_dialogue_every_time(generator: Generator) -> None:
    again = Generator(lexicon=generator.lexicon)

    assert [generator.dialogue(seed) for seed in _SEEDS] == [again.dialogue(seed) for seed in _SEEDS]


def test_different_seeds_differ(generator: Generator) -> None:
    questions = {generator.dialogue(seed, {"lookup": 1.0}).current.question for seed in _SEEDS}

    assert len(questions) == len(_SEEDS)


@pytest.mark.parametrize("family", MAKERS)
def test_every_effort_has_its_working_and_higher_ones_write_no_less(
    generator: Generator, family: str
) -> None:
    for exchange in _exchanges(generator, family):
        low, medium, high = (len(exchange.working[effort]) for effort in EFFORTS)

        assert 0 < low <= high
        assert 0 < medium <= high


def test_sums_are_right(generator: Generator) -> None:
    for exchange in _exchanges(generator, "add"):
        a, b = (int(number) for number in re.findall(r"\d+", exchange.question))

        assert exchange.answer == f"{a} + {b} = {a + b}"


def test_every_column_of_the_working_adds_up(generator: Generator) -> None:
    for exchange in _exchanges(generator, "add"):
        for column in exchange.working["low"].split(", "):
            terms, total = column.split("=")
            assert sum(map(int, terms.split("+"))) == int(total)


def test_what_is_to_be_repeated_stands_in_the_question(generator: Generator) -> None:
    for exchange in _exchanges(generator, "repeat"):
        assert exchange.question.endswith(exchange.answer)


def test_the_value_looked_up_stands_beside_its_key(generator: Generator) -> None:
    for exchange in _exchanges(generator, "lookup"):
        key = exchange.working["low"].removeprefix("Find ").split(" -> ")[0]
        beside = rf'{re.escape(key)}"?( -> |: "?| = | => | is | ){re.escape(exchange.answer)}'
        assert re.search(beside, exchange.question), exchange.question


def test_every_hop_is_a_pair_of_the_question_and_begins_where_the_last_ended(generator: Generator) -> None:
    for exchange in _exchanges(generator, "hops"):
        hops = [line.split(": ")[1].split(" -> ") for line in exchange.working["low"].splitlines()]

        assert all(re.search(rf'\b{a}"?( -> |: "?| = | => | to ){b}\b', exchange.question) for a, b in hops)
        assert [a for a, _ in hops[1:]] == [b for _, b in hops[:-1]]
        assert hops[-1][1] == exchange.answer


def test_hops_reach_beyond_the_sliding_window(generator: Generator) -> None:
    longest = max(len(exchange.question.split()) for exchange in _exchanges(generator, "hops"))

    assert longest > 128 / 2  # Every word is at least one token, and so is every arrow.


def test_calls_match_their_declaration_and_the_question(generator: Generator) -> None:
    for exchange in _exchanges(generator, "functions"):
        call = exchange.call
        assert call is not None
        schema = next(tool for tool in exchange.tools if tool.name == call.name).parameters
        properties = schema["properties"]
        assert isinstance(properties, dict)
        assert list(call.arguments) == list(properties)
        for name, value in call.arguments.items():
            assert isinstance(value, {"string": str, "integer": int}[properties[name]["type"]])
            assert str(value) in exchange.question


def test_tool_results_are_told_in_full(generator: Generator) -> None:
    for exchange in _exchanges(generator, "functions"):
        assert exchange.call is not None
        result = exchange.call.result
        facts = json.loads(result) if result.startswith("{") else {"result": result}
        told = facts.items() if isinstance(facts, dict) else ()
        assert all(
            f"{name} is {value}" in exchange.answer.lower() or str(value) in exchange.answer
            for name, value in told
        )


def test_extracted_fields_are_json_of_what_the_sentence_says(generator: Generator) -> None:
    for exchange in _exchanges(generator, "extract"):
        fields = json.loads(exchange.answer)

        assert fields
        assert all(
            name in exchange.question and str(value) in exchange.question for name, value in fields.items()
        )


def test_it_says_what_it_is(generator: Generator) -> None:
    replies = {exchange.answer for exchange in _exchanges(generator, "smalltalk")}

    assert any("OptiQ pocket model" in reply and "demonstration" in reply for reply in replies)
    assert any("cannot answer that" in reply for reply in replies)


def test_dialogues_have_up_to_three_turns(generator: Generator) -> None:
    turns = {len(_dialogue.history) + 1 for _dialogue in _some_dialogues(generator)}

    assert turns == {1, 2, 3}


def test_tools_of_all_turns_are_declared(generator: Generator) -> None:
    for dialogue in _some_dialogues(generator):
        declared = {tool.name for tool in dialogue.tools}
        called = [e.call.name for e in (*dialogue.history, dialogue.current) if e.call is not None]
        assert declared.issuperset(called)


def _some_dialogues(generator: Generator) -> list[Dialogue]:
    return [generator.dialogue(seed) for seed in _SEEDS]
