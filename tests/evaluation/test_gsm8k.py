"""GSM8K's rule, by single answers and over the published test set."""

import re
from pathlib import Path

import pytest

from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.gsm8k import final_number, last_number, load_gsm8k, marked_number
from optiq_server.evaluation.suite import Answer, Item, Outcome
from tests.evaluation.benchmark_data import published

_ROW = '{"question": "How many?", "answer": "6 * 3 = <<6*3=18>>18\\n#### 1,018"}\n'


def _one(tmp_path: Path) -> tuple[Item, ...]:
    path = tmp_path / "test.jsonl"
    path.write_text(_ROW)
    return tuple(load_gsm8k(path).items)


@pytest.mark.parametrize(
    ("text", "passed", "strict"),
    [
        ("#### 1018", True, True),
        ("#### $1,018.", True, False),
        ("#### 1,018.", True, True),
        ("The result is 1018", True, False),
        (r"So it is \boxed{1018}.", True, False),
        ("It costs $1,018", True, False),
        ("#### 1018\n#### 5", False, True),
        ("#### 5\nThat is 1018", True, False),
        ("#### 1018.00", False, False),
        ("#### 10180", False, False),
        ("1018 apples and 3 pears", False, False),
        ("many", False, False),
        ("", False, False),
    ],
)
def test_the_last_number_counts_and_strictly_the_first_marked_one(
    tmp_path: Path, text: str, passed: bool, strict: bool
) -> None:
    [item] = _one(tmp_path)

    verdict = load_gsm8k(tmp_path / "test.jsonl").score(item, Answer(text=text))

    assert (verdict.passed, verdict.also["strict"]) == (passed, strict)


def test_numbers_are_found_with_their_signs() -> None:
    assert last_number("from 3 to -4") == "-4"
    assert last_number("it is $-7") == "-7"
    assert last_number("none") is None
    assert marked_number("#### -12.5 degrees") == "-12.5"
    assert marked_number("####12") is None


def test_a_number_is_compared_without_commas_dollars_and_a_full_stop() -> None:
    assert final_number("$1,250.") == "1250"
    assert final_number("5 * 2 = 10\n#### 10") == "10"


def test_a_file_that_is_not_gsm8k_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(_ROW + '{"question": "?"}\n')

    with pytest.raises(DataDamaged, match="line 2: an object with question, answer"):
        load_gsm8k(path)


def test_all_reference_answers_pass_and_all_corrupted_ones_fail() -> None:
    suite = load_gsm8k(published("gsm8k/test.jsonl"))

    right = [suite.score(item, Answer(text=item.reference["answer"])) for item in suite.items]
    wrong = [suite.score(item, Answer(text=_corrupted(item))) for item in suite.items]

    assert len(suite.items) == 1319
    assert all(verdict.passed and verdict.also["strict"] for verdict in right)
    assert all(verdict.outcome is Outcome.FAILED and not verdict.also["strict"] for verdict in wrong)


def _corrupted(item: Item) -> str:
    """The same working with a one before the result."""
    return re.sub(r"#### (-?)", r"#### \g<1>1", item.reference["answer"])
