"""How a reply is judged, whoever wrote it, and the table that sums up the judgements."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tools.pocket.conversations import EFFORTS, Call, Dialogue, Effort
from tools.pocket.generator import MAKERS, Generator

# Evaluation draws odd seeds from here on; training looked at odd seeds below it to print its progress.
FIRST_SEED = 1_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One assistant turn: a text, or the name and arguments of the one function that it calls."""

    text: str | None
    reasoning: str | None = None
    call: tuple[str, str] | None = None


class Responder(Protocol):
    """Something that answers a dialogue greedily; `called` is the call it made before, with the result."""

    def __call__(self, dialogue: Dialogue, called: tuple[Reply, Call] | None) -> Reply: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One dialogue, answered."""

    seed: int
    family: str
    effort: Effort
    right: bool
    said: str


def held_out(generator: Generator, count: int) -> Iterator[tuple[int, str, Dialogue]]:
    """`count` dialogues of each family, the efforts in turn."""
    for family in MAKERS:
        for number in range(count):
            seed = FIRST_SEED + 2 * number
            effort = EFFORTS[number % len(EFFORTS)]
            yield seed, family, generator.dialogue(seed, {family: 1.0}, effort=effort)


def judge(seed: int, family: str, dialogue: Dialogue, respond: Responder) -> Verdict:
    """Exact match of the final answer; a function must be called by name with equal arguments before."""
    exchange = dialogue.current
    reply = respond(dialogue, None)
    right = True
    if exchange.call is not None:
        right = _same_call(reply, exchange.call)
        if right:
            reply = respond(dialogue, (reply, exchange.call))
    right = right and reply.text == exchange.answer
    said = reply.text if reply.call is None else f"{reply.call[0]} {reply.call[1]}"
    return Verdict(seed=seed, family=family, effort=dialogue.effort, right=right, said=said or "")


def _same_call(reply: Reply, wanted: Call) -> bool:
    if reply.call is None or reply.call[0] != wanted.name:
        return False
    try:
        return bool(json.loads(reply.call[1]) == wanted.arguments)
    except ValueError:
        return False


def shares(verdicts: Iterable[Verdict]) -> dict[str, dict[str, float]]:
    """Share of right answers by family, over all efforts and for each."""
    total: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for verdict in verdicts:
        for column in ("all", verdict.effort):
            total[verdict.family, column] += 1
            right[verdict.family, column] += verdict.right
    table: dict[str, dict[str, float]] = {}
    for family, column in total:
        table.setdefault(family, {})[column] = right[family, column] / total[family, column]
    return table


def table_text(table: dict[str, dict[str, float]], write: Callable[[str], None] = print) -> None:
    columns = ("all", *EFFORTS)
    write(f"{'task':<12}" + "".join(f"{column:>9}" for column in columns))
    for family, row in table.items():
        write(
            f"{family:<12}" + "".join(f"{100 * row.get(column, float('nan')):>8.1f}%" for column in columns)
        )
