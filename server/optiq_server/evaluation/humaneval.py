"""The suite `humaneval`: complete a Python function; its tests are run (Chen et al. 2021).

The function is asked for in a chat. The model's program and the tests run in the sandbox, in two processes:
the tests see the values that the function returns, and nothing else of it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from optiq_server.evaluation.code_answer import program_in
from optiq_server.evaluation.datasets import rows_of
from optiq_server.evaluation.sandbox.runner import Program, Report
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, Verdict

_COLUMNS = ("task_id", "prompt", "entry_point", "test")
_PROMPT = (
    "Complete this Python function. Reply with the complete function in one code block, with its signature "
    "and with every import and helper that it needs. Use the standard library only."
    "\n\n```python\n{prompt}```"
)


class ProgramRunner(Protocol):
    """Runs programs that nobody trusts; at most `parallel` at a time, callable from any thread."""

    @property
    def parallel(self) -> int: ...

    def run(self, program: Program) -> Report: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanEval:
    """The suite; an item's reference is the benchmark's own `prompt`, `entry_point` and `test`.

    A function that returns an object which is no plain value (a number, text, or a collection of these) is
    UNCHECKABLE: comparing it would run the model's code among the tests.
    """

    items: Sequence[Item]
    runner: ProgramRunner
    name: str = "humaneval"

    def score(self, item: Item, answer: Answer) -> Verdict:
        prompt, entry_point = item.reference["prompt"], item.reference["entry_point"]
        sources = program_in(answer.text, prompt=prompt, entry_point=entry_point)
        if sources is None:
            return Verdict(outcome=Outcome.FAILED, detail="no code in the answer")
        # The prompt's functions are complete without the model: the asked one by its docstring alone.
        program = Program(
            sources=sources, entry_point=entry_point, setup=prompt, tests=item.reference["test"]
        )
        report = self.runner.run(program)
        return Verdict(outcome=report.outcome, detail=report.detail)

    def score_all(self, answered: Sequence[tuple[Item, Answer]]) -> list[Verdict]:
        """As `score` of each, several at a time."""
        with ThreadPoolExecutor(self.runner.parallel) as threads:
            return list(threads.map(lambda pair: self.score(*pair), answered))


def load_humaneval(path: Path, runner: ProgramRunner) -> HumanEval:
    """Raises DataDamaged."""
    return HumanEval(items=tuple(map(_item, rows_of(path, _COLUMNS))), runner=runner)


def _item(row: JsonObject) -> Item:
    return Item(
        id=row["task_id"],
        cluster=row["task_id"],
        messages=({"role": "user", "content": _PROMPT.format(prompt=row["prompt"])},),
        reference={name: row[name] for name in _COLUMNS[1:]},
    )
