"""A small suite for the tests of what runs suites: sums, in clusters of ten."""

from collections.abc import Sequence
from dataclasses import dataclass

from optiq_server.evaluation.suite import Answer, Item, Outcome, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Item `n` asks for n + 1; an answer with a question mark is uncheckable."""

    items: Sequence[Item]
    name: str = "sums"

    def score(self, item: Item, answer: Answer) -> Verdict:
        if "?" in answer.text:
            return Verdict(outcome=Outcome.UNCHECKABLE, detail="a question")
        passed = answer.text == item.reference["answer"]
        return Verdict(
            outcome=Outcome.PASSED if passed else Outcome.FAILED,
            detail="" if passed else f"found {answer.text}",
            also={"short": len(answer.text) < 3},
            parts={"digits": tuple(letter.isdigit() for letter in answer.text)},
        )


def make_sums(count: int) -> Sums:
    return Sums(
        items=tuple(
            Item(
                id=str(number),
                cluster=str(number // 10),
                messages=({"role": "user", "content": f"{number} + 1"},),
                reference={"answer": str(number + 1)},
            )
            for number in range(count)
        )
    )


def right_answer(question: str) -> str:
    return str(int(question.partition(" ")[0]) + 1)
