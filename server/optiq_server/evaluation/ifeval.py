"""IFEval: prompts with instructions that a program can verify (Zhou et al. 2023).

The main score is prompt-level strict accuracy: every instruction of the prompt is followed. `also["loose"]`
accepts the response without its first line, last line or asterisks; `parts` counts single instructions.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_server.evaluation.datasets import rows_of
from optiq_server.evaluation.ifeval_checks import Unverifiable, follows
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, Verdict

STRICT = "each, strict"
LOOSE = "each, loose"


@dataclass(frozen=True, slots=True, kw_only=True)
class IfEval:
    """The suite over the prompts."""

    items: Sequence[Item]
    name: str = "ifeval"

    def score(self, item: Item, answer: Answer) -> Verdict:
        strict: list[bool] = []
        loose: list[bool] = []
        unverifiable: list[str] = []
        wanted = zip(item.reference["instructions"], item.reference["arguments"], strict=True)
        for instruction, arguments in wanted:
            try:
                strict.append(_follows(instruction, answer.text, arguments))
            except Unverifiable as error:
                strict.append(False)
                loose.append(False)
                unverifiable.append(str(error))
            else:
                loose.append(strict[-1] or _follows_loosely(instruction, answer.text, arguments))
        broken = [name for name, kept in zip(item.reference["instructions"], strict, strict=True) if not kept]
        return Verdict(
            outcome=_outcome(strict, unverifiable),
            detail="; ".join(unverifiable or broken),
            also={"loose": all(loose)},
            parts={STRICT: tuple(strict), LOOSE: tuple(loose)},
        )


def load_ifeval(path: Path) -> IfEval:
    """Raises DataDamaged."""
    rows = rows_of(path, ("key", "prompt", "instruction_id_list", "kwargs"))
    return IfEval(items=tuple(_item(row) for row in rows))


def relaxed(response: str) -> list[str]:
    """The response, and it without its first line, its last line, both; each with and without asterisks."""
    lines = response.split("\n")
    shorter = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    kept = [response, *shorter]
    return kept + [text.replace("*", "") for text in kept]


def _follows(instruction: str, response: str, arguments: JsonObject) -> bool:
    # Nothing follows no instruction, not even that there be no comma.
    return bool(response.strip()) and follows(instruction, response, arguments)


def _follows_loosely(instruction: str, response: str, arguments: JsonObject) -> bool:
    for variant in relaxed(response):
        # What was cut away may leave nothing to go by; that is no reason to doubt the response itself.
        with contextlib.suppress(Unverifiable):
            if _follows(instruction, variant, arguments):
                return True
    return False


def _outcome(strict: Sequence[bool], unverifiable: Sequence[str]) -> Outcome:
    if unverifiable:
        return Outcome.UNCHECKABLE
    return Outcome.PASSED if all(strict) else Outcome.FAILED


def _item(row: dict[str, Any]) -> Item:
    key = str(row["key"])
    # The hub's copy has every argument in every row, most of them null.
    arguments = [{name: value for name, value in each.items() if value is not None} for each in row["kwargs"]]
    return Item(
        id=key,
        cluster=key,
        messages=({"role": "user", "content": row["prompt"]},),
        reference={"instructions": row["instruction_id_list"], "arguments": arguments},
    )
