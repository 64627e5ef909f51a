"""Adding two numbers, worked out column by column in the analysis."""

from __future__ import annotations

import random

from tools.pocket.conversations import Exchange
from tools.pocket.lexicon import Lexicon

# Sums stay below 1000, so that an answer is one token of up to three digits.
LARGEST_OPERAND = 499

_QUESTIONS = (
    "What is {a} + {b}?",
    "What is {a}+{b}?",
    "{a} + {b}",
    "{a}+{b}",
    "{a} + {b} =",
    "{a}+{b}=?",
    "Add {a} and {b}.",
    "add {a} and {b}",
    "Add {a} to {b}.",
    "What is {a} plus {b}?",
    "what's {a} plus {b}",
    "What's {a} + {b}?",
    "How much is {a} + {b}?",
    "How much is {a} plus {b}?",
    "Calculate {a} + {b}.",
    "Compute {a}+{b}",
    "Compute the sum of {a} and {b}.",
    "What is the sum of {a} and {b}?",
    "Sum {a} and {b}",
    "Tell me {a} plus {b}.",
    "What do you get when you add {a} and {b}?",
    "What does {a} + {b} equal?",
    "Solve: {a} + {b}",
    "Please add these numbers: {a}, {b}",
    "I need the total of {a} and {b}.",
    "Find {a} + {b}",
    "Can you do {a} + {b}?",
    "If I have {a} {thing} and get {b} more, how many do I have?",
    "I have {a} {thing} and buy {b} more. How many {thing} do I have now?",
    "There are {a} {thing} in one box and {b} in another. How many in total?",
    "{name} has {a} {thing} and {other} has {b}. How many do they have together?",
)


def column_work(a: int, b: int) -> str:
    """One sum a column, units first; from the second column on the carry is the third number."""
    columns = max(len(str(a)), len(str(b)))
    lines, carry = [], 0
    for column in range(columns):
        first, second = a // 10**column % 10, b // 10**column % 10
        total = first + second + carry
        terms = f"{first}+{second}" if column == 0 else f"{first}+{second}+{carry}"
        lines.append(f"{terms}={total}")
        carry = total // 10
    return ", ".join(lines)


def _operand(rng: random.Random) -> int:
    return rng.randint(0, rng.choice((9, 99, 99, LARGEST_OPERAND, LARGEST_OPERAND)))


def _thing(rng: random.Random, lexicon: Lexicon) -> str:
    return (
        lexicon.of(rng, rng.choice(("foods", "things", "animals")))
        if rng.random() < 0.7
        else lexicon.word(rng)
    )


def make(rng: random.Random, lexicon: Lexicon) -> Exchange:
    a, b = _operand(rng), _operand(rng)
    question = rng.choice(_QUESTIONS).format(
        a=a, b=b, thing=_thing(rng, lexicon), name=lexicon.person(rng), other=lexicon.person(rng)
    )
    work = column_work(a, b)
    return Exchange(
        family="add",
        question=question,
        working={
            "low": work,
            "medium": f"{a} + {b}: {work}, so {a + b}.",
            "high": f"Add {a} + {b} column by column: {work}, so {a + b}. Check: {b} + {a} = {a + b}.",
        },
        answer=f"{a} + {b} = {a + b}",
    )
