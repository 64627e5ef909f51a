"""MMLU: multiple choice in 57 subjects (Hendrycks et al. 2021), asked as a chat.

The examples of the subject's development set are earlier turns of the conversation, so the model keeps its
own format. Scored by the letter in the final channel; the subject is the cluster.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, Verdict

LETTERS = "ABCD"
MOST_SHOTS = 5
"""How many examples a subject's development set holds."""

_SYSTEM = (
    "You answer multiple choice questions about {subject}. End your reply with one line that says "
    "`Answer: ` and the letter of the right choice: A, B, C or D."
)
_STATED = re.compile(
    r"(?i:\banswer\b(?:\s+is)?\s*:?\s*[*_`($]*(?:\\?(?:boxed|text)\{)*\s*)"
    # A small letter counts at the end of a line only: "the answer is a matter of taste" chooses nothing.
    r"(?:([A-D])\b|([a-d])(?=[*_`)}\].$\s]*$))",
    re.MULTILINE,
)
_ALONE = re.compile(r"[*_`(\[]*([A-Da-d])[*_`)\]]*(?:[.:)][^\n]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One row: `answer` is the right choice's letter."""

    text: str
    choices: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mmlu:
    """The suite over all subjects."""

    items: Sequence[Item]
    name: str = "mmlu"

    def score(self, item: Item, answer: Answer) -> Verdict:
        letter = chosen_letter(answer.text)
        wanted = item.reference["answer"]
        if letter == wanted:
            return Verdict(outcome=Outcome.PASSED)
        return Verdict(outcome=Outcome.FAILED, detail=f"wanted {wanted}, found {letter or 'no letter'}")


def load_mmlu(folder: Path, shots: int = MOST_SHOTS) -> Mmlu:
    """From `dev/SUBJECT_dev.csv` and `test/SUBJECT_test.csv`. Raises DataDamaged, ValueError."""
    if not 0 <= shots <= MOST_SHOTS:
        raise ValueError(f"{shots} shots: MMLU has 0 to {MOST_SHOTS}")
    items: list[Item] = []
    for path in sorted((folder / "test").glob("*_test.csv")):
        subject = path.name.removesuffix("_test.csv")
        examples = read_questions(folder / "dev" / f"{subject}_dev.csv")[:shots] if shots else ()
        opening = _opening(subject, examples)
        items += (
            _item(subject, number, question, opening) for number, question in enumerate(read_questions(path))
        )
    if not items:
        raise DataDamaged(f"{folder}/test holds no SUBJECT_test.csv")
    return Mmlu(items=tuple(items))


def read_questions(path: Path) -> tuple[Question, ...]:
    """Rows of question, four choices and answer: with a header and the answer's index, or, as first
    published, without one and with its letter. Raises DataDamaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise DataDamaged(f"{path} cannot be read: {error}") from error
    if rows and rows[0][:1] == ["question"]:
        del rows[0]
    return tuple(_question(path, number, row) for number, row in enumerate(rows, start=1))


def chosen_letter(text: str) -> str | None:
    """The letter that an answer gives: the last one after the word "answer", else one that stands alone on
    the last line or begins it like `B. because`.
    """
    stated = _STATED.findall(text)
    if stated:
        return "".join(stated[-1]).upper()
    lines = text.strip().splitlines()
    alone = _ALONE.fullmatch(lines[-1].strip()) if lines else None
    return alone[1].upper() if alone else None


def _question(path: Path, number: int, row: list[str]) -> Question:
    if len(row) != 2 + len(LETTERS):
        raise DataDamaged(f"{path}, row {number}: {len(row)} columns; a question has {2 + len(LETTERS)}")
    answer = row[-1].strip()
    letter = LETTERS[int(answer)] if answer in ("0", "1", "2", "3") else answer
    if letter not in tuple(LETTERS):
        raise DataDamaged(f"{path}, row {number}: the answer is {answer!r}; it must be 0 to 3 or A to D")
    return Question(text=row[0], choices=tuple(row[1:-1]), answer=letter)


def _opening(subject: str, examples: Sequence[Question]) -> tuple[JsonObject, ...]:
    messages: list[JsonObject] = [
        {"role": "system", "content": _SYSTEM.format(subject=subject.replace("_", " "))}
    ]
    for example in examples:
        messages.append({"role": "user", "content": _asked(example)})
        messages.append({"role": "assistant", "content": f"Answer: {example.answer}"})
    return tuple(messages)


def _asked(question: Question) -> str:
    choices = (f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=True))
    return "\n".join((question.text.strip(), *choices))


def _item(subject: str, number: int, question: Question, opening: tuple[JsonObject, ...]) -> Item:
    return Item(
        id=f"{subject}/{number}",
        cluster=subject,
        messages=(*opening, {"role": "user", "content": _asked(question)}),
        reference={"answer": question.answer},
    )
