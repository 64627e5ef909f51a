"""GSM8K: grade-school word problems, scored by the final number (Cobbe et al. 2021).

The main rule takes the answer's last number; `also["strict"]` the first one after `####`. Both, and what is
ignored in a number, are those of lm-eval's task `gsm8k` version 3: https://github.com/EleutherAI/lm-evaluation-harness.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_server.evaluation.datasets import rows_of
from optiq_server.evaluation.suite import Answer, Item, Outcome, Verdict

_PROMPT = (
    "Solve this problem. Think step by step. Write the result on the last line after ####, as a plain number "
    "without a unit.\n\n{question}"
)
_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_IGNORED = (re.compile(r","), re.compile(r"\$"), re.compile(r"(?s).*#### "), re.compile(r"\.$"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gsm8k:
    """The suite over the test set's problems."""

    items: Sequence[Item]
    name: str = "gsm8k"

    def score(self, item: Item, answer: Answer) -> Verdict:
        wanted = final_number(item.reference["answer"])
        found = last_number(answer.text)
        marked = marked_number(answer.text)
        passed = found is not None and final_number(found) == wanted
        return Verdict(
            outcome=Outcome.PASSED if passed else Outcome.FAILED,
            detail="" if passed else f"wanted {wanted}, found {found or 'no number'}",
            also={"strict": marked is not None and final_number(marked) == wanted},
        )


def load_gsm8k(path: Path) -> Gsm8k:
    """Raises DataDamaged."""
    rows = rows_of(path, ("question", "answer"))
    return Gsm8k(
        items=tuple(
            Item(
                id=str(number),
                cluster=str(number),
                messages=({"role": "user", "content": _PROMPT.format(question=row["question"])},),
                reference={"answer": row["answer"]},
            )
            for number, row in enumerate(rows)
        )
    )


def last_number(text: str) -> str | None:
    """The last run of digits, with the signs that belong to amounts."""
    found = _FLEXIBLE.findall(text)
    return found[-1] if found else None


def marked_number(text: str) -> str | None:
    """The number after the first `#### `."""
    match = _STRICT.search(text)
    return match[1] if match else None


def final_number(text: str) -> str:
    """A number, or a whole reference answer, without what does not count: `$1,250.` is `1250`."""
    for ignored in _IGNORED:
        text = ignored.sub("", text)
    return text.lower()
