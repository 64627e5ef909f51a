"""IFEval's verdicts: strict and loose, by prompt and by instruction."""

import json
from pathlib import Path
from typing import Any

import pytest

from optiq_server.evaluation.ifeval import LOOSE, STRICT, IfEval, load_ifeval, relaxed
from optiq_server.evaluation.ifeval_checks import CHECKS
from optiq_server.evaluation.suite import Answer, Outcome
from tests.evaluation.benchmark_data import published


def _suite(tmp_path: Path, *instructions: tuple[str, dict[str, Any]]) -> IfEval:
    row = {
        "key": 7,
        "prompt": "Write.",
        "instruction_id_list": [name for name, _ in instructions],
        "kwargs": [arguments for _, arguments in instructions],
    }
    path = tmp_path / "input_data.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return load_ifeval(path)


_QUOTED: tuple[str, dict[str, Any]] = ("startend:quotation", {})
_NO_COMMA: tuple[str, dict[str, Any]] = ("punctuation:no_comma", {})


def test_a_prompt_passes_when_every_instruction_is_followed(tmp_path: Path) -> None:
    suite = _suite(tmp_path, _QUOTED, _NO_COMMA)

    verdict = suite.score(suite.items[0], Answer(text='"quoted"'))

    assert verdict.outcome is Outcome.PASSED
    assert verdict.parts == {STRICT: (True, True), LOOSE: (True, True)}


def test_one_broken_instruction_fails_the_prompt_and_is_named(tmp_path: Path) -> None:
    suite = _suite(tmp_path, _QUOTED, _NO_COMMA)

    verdict = suite.score(suite.items[0], Answer(text='"quoted, twice"'))

    assert (verdict.outcome, verdict.detail) == (Outcome.FAILED, "punctuation:no_comma")
    assert verdict.parts[STRICT] == (True, False)
    assert verdict.also == {"loose": False}


def test_loosely_a_first_line_and_asterisks_are_forgiven(tmp_path: Path) -> None:
    suite = _suite(tmp_path, _QUOTED)

    verdict = suite.score(suite.items[0], Answer(text='Sure, here it is:\n*"quoted"*'))

    assert (verdict.outcome, verdict.also) == (Outcome.FAILED, {"loose": True})
    assert verdict.parts == {STRICT: (False,), LOOSE: (True,)}


def test_an_empty_response_follows_nothing(tmp_path: Path) -> None:
    suite = _suite(tmp_path, _NO_COMMA)

    verdict = suite.score(suite.items[0], Answer(text=" \n"))

    assert (verdict.outcome, verdict.also) == (Outcome.FAILED, {"loose": False})


def test_an_unknown_instruction_is_uncheckable_whatever_else_is_followed(tmp_path: Path) -> None:
    suite = _suite(tmp_path, _QUOTED, ("mood:cheerful", {}))

    verdict = suite.score(suite.items[0], Answer(text='"quoted"'))

    assert (verdict.outcome, verdict.detail) == (
        Outcome.UNCHECKABLE,
        "unknown instruction mood:cheerful",
    )
    assert verdict.parts[STRICT] == (True, False)
    assert verdict.also == {"loose": False}


def test_a_variant_that_cannot_be_checked_leaves_the_verdict_as_it_is(tmp_path: Path) -> None:
    suite = _suite(tmp_path, ("language:response_language", {"language": "de"}))

    verdict = suite.score(suite.items[0], Answer(text="This is plain English.\n123"))

    assert (verdict.outcome, verdict.also) == (Outcome.FAILED, {"loose": False})
    assert verdict.parts == {STRICT: (False,), LOOSE: (False,)}


def test_arguments_that_are_null_are_as_if_not_there(tmp_path: Path) -> None:
    [with_null] = _suite(tmp_path, ("startend:quotation", {"num_words": None})).items
    [without] = _suite(tmp_path, _QUOTED).items

    assert with_null == without


def test_the_relaxed_responses_are_eight() -> None:
    assert relaxed("*a*\nb\nc") == ["*a*\nb\nc", "b\nc", "*a*\nb", "b", "a\nb\nc", "b\nc", "a\nb", "b"]


@pytest.fixture(name="suite", scope="module")
def _published() -> IfEval:
    return load_ifeval(published("ifeval/input_data.jsonl"))


def test_the_published_set_can_be_checked_completely(suite: IfEval) -> None:
    names = {name for item in suite.items for name in item.reference["instructions"]}

    verdicts = [suite.score(item, Answer(text="Hello there my friend.")) for item in suite.items]

    assert len(suite.items) == 541
    assert names == set(CHECKS)
    assert not [verdict for verdict in verdicts if verdict.outcome is Outcome.UNCHECKABLE]
    assert sum(len(verdict.parts[STRICT]) for verdict in verdicts) == 834


def test_no_response_passes_no_prompt_of_the_published_set(suite: IfEval) -> None:
    assert not any(suite.score(item, Answer(text="")).passed for item in suite.items)
