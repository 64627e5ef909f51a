"""The suite as a whole: reference answers are all right, spoilt ones all wrong; by hand, and all 164."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.humaneval import HumanEval, load_humaneval
from optiq_server.evaluation.sandbox.runner import Program, Report
from optiq_server.evaluation.suite import Answer, Item, Outcome
from tests.evaluation.benchmark_data import published
from tests.evaluation.sandboxes import any_sandbox

_ROWS = [
    {
        "task_id": "Hand/0",
        "prompt": 'from typing import List\n\n\ndef largest(xs: List[int]) -> int:\n    """The largest."""\n',
        "entry_point": "largest",
        "canonical_solution": "    return max(xs)\n",
        "test": (
            "def check(candidate):\n    assert candidate([1, 3, 2]) == 3\n    assert candidate([-1]) == -1\n"
        ),
    },
    {
        "task_id": "Hand/1",
        "prompt": (
            'def encode(text):\n    """Turn it around."""\n    return text[::-1]\n\n\n'
            'def decode(text):\n    """What encode made of it, back."""\n'
        ),
        "entry_point": "decode",
        "canonical_solution": "    return text[::-1]\n",
        "test": (
            "import random\n\ndef check(candidate):\n    for _ in range(20):\n"
            "        word = ''.join(random.choice('abc') for _ in range(9))\n"
            "        assert candidate(encode(word)) == word\n"
        ),
    },
]


def _written(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "HumanEval.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


@dataclass(kw_only=True)
class _Recorder:
    """Runs nothing, and passes all."""

    parallel: int = 2
    programs: list[Program] = field(default_factory=list)

    def run(self, program: Program) -> Report:
        self.programs.append(program)
        return Report(outcome=Outcome.PASSED)


def _whole_function(row: dict[str, str]) -> str:
    return f"```python\n{row['prompt']}{row['canonical_solution']}```"


def _body_alone(row: dict[str, str]) -> str:
    return f"```python\n{row['canonical_solution']}```"


def _pass_body(row: dict[str, str]) -> str:
    return f"```python\n{row['prompt']}    pass\n```"


def _in_words(row: dict[str, str]) -> str:
    return f"{row['entry_point']} is easy."


def _always_raises(row: dict[str, str]) -> str:
    return f"```python\n{row['prompt']}    raise ValueError\n```"


def _the_prompt_again(row: dict[str, str]) -> str:
    return f"```python\n{row['prompt']}```"


def _score(
    suite: HumanEval, rows: list[dict[str, str]], answer: Callable[[dict[str, str]], str]
) -> list[Outcome]:
    answered = [(item, Answer(text=answer(row))) for item, row in zip(suite.items, rows, strict=True)]
    return [verdict.outcome for verdict in suite.score_all(answered)]


@pytest.mark.parametrize("answer", [_whole_function, _body_alone])
def test_reference_answers_pass(tmp_path: Path, answer: Callable[[dict[str, str]], str]) -> None:
    suite = load_humaneval(_written(tmp_path, _ROWS), any_sandbox(parallel=2))

    assert _score(suite, _ROWS, answer) == [Outcome.PASSED] * 2


@pytest.mark.parametrize("answer", [_pass_body, _in_words, _always_raises, _the_prompt_again])
def test_corrupted_answers_fail(tmp_path: Path, answer: Callable[[dict[str, str]], str]) -> None:
    suite = load_humaneval(_written(tmp_path, _ROWS), any_sandbox(parallel=2))

    assert _score(suite, _ROWS, answer) == [Outcome.FAILED] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "outcome"), [(_whole_function, Outcome.PASSED), (_pass_body, Outcome.FAILED)]
)
def test_all_164_reference_answers_pass_and_all_164_empty_ones_fail(
    answer: Callable[[dict[str, str]], str], outcome: Outcome
) -> None:
    path = published("humaneval/HumanEval.jsonl.gz")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    suite = load_humaneval(path, any_sandbox(parallel=2))

    outcomes = dict(zip((row["task_id"] for row in rows), _score(suite, rows, answer), strict=True))

    assert len(outcomes) == 164
    assert {name: each for name, each in outcomes.items() if each is not outcome} == {}


def test_the_item_shows_the_prompt_and_not_the_tests_or_the_solution(tmp_path: Path) -> None:
    suite = load_humaneval(_written(tmp_path, _ROWS), _Recorder())

    for item, row in zip(suite.items, _ROWS, strict=True):
        text = json.dumps(item.messages)
        assert row["prompt"] in item.messages[0]["content"]
        assert json.dumps(row["canonical_solution"])[1:-1] not in text.replace(
            json.dumps(row["prompt"])[1:-1], ""
        )
        assert "check(candidate)" not in text


def test_a_text_without_code_fails_and_nothing_is_run(tmp_path: Path) -> None:
    recorder = _Recorder()
    suite = load_humaneval(_written(tmp_path, _ROWS), recorder)

    verdict = suite.score(suite.items[0], Answer(text="No.", reasoning=_whole_function(_ROWS[0])))

    assert verdict.outcome is Outcome.FAILED
    assert verdict.detail == "no code in the answer"
    assert recorder.programs == []


def test_answers_scored_together_are_scored_as_alone(tmp_path: Path) -> None:
    suite = load_humaneval(_written(tmp_path, _ROWS), any_sandbox(parallel=2))
    answered: list[tuple[Item, Answer]] = [
        (suite.items[0], Answer(text=_whole_function(_ROWS[0]))),
        (suite.items[1], Answer(text=_pass_body(_ROWS[1]))),
    ]

    assert suite.score_all(answered) == [suite.score(*pair) for pair in answered]


def test_a_row_without_tests_is_told(tmp_path: Path) -> None:
    row = {name: value for name, value in _ROWS[0].items() if name != "test"}

    with pytest.raises(DataDamaged, match="test"):
        load_humaneval(_written(tmp_path, [row]), _Recorder())
