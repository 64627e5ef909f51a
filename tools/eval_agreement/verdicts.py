"""lm-eval's logged samples beside our verdicts. Pure, but for reading the files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_server.evaluation.ifeval import LOOSE, STRICT
from optiq_server.evaluation.suite import Verdict

_FILTERS = {"strict-match": "strict", "flexible-extract": "passed"}

Scores = dict[str, Any]
"""One item's measures by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One item on which a measure differs."""

    id: str
    measure: str
    theirs: Any
    ours: Any


def read_samples(folder: Path, task: str) -> list[dict[str, Any]]:
    """The newest log of `task` below `folder`, as `--log_samples` writes it."""
    logs = sorted(folder.rglob(f"samples_{task}_*.jsonl"))
    if not logs:
        raise FileNotFoundError(f"no samples_{task}_*.jsonl below {folder}")
    return [json.loads(line) for line in logs[-1].read_text(encoding="utf-8").splitlines()]


def gsm8k_theirs(samples: Sequence[dict[str, Any]]) -> dict[str, Scores]:
    scores: dict[str, Scores] = {}
    for sample in samples:
        measure = _FILTERS[sample["filter"]]
        scores.setdefault(str(sample["doc"]["id"]), {})[measure] = bool(sample["exact_match"])
    return scores


def gsm8k_ours(verdict: Verdict) -> Scores:
    return {"passed": verdict.passed, "strict": verdict.also["strict"]}


def ifeval_theirs(samples: Sequence[dict[str, Any]]) -> dict[str, Scores]:
    return {
        str(sample["doc"]["key"]): {
            "passed": sample["prompt_level_strict_acc"],
            "loose": sample["prompt_level_loose_acc"],
            STRICT: tuple(sample["inst_level_strict_acc"]),
            LOOSE: tuple(sample["inst_level_loose_acc"]),
        }
        for sample in samples
    }


def ifeval_ours(verdict: Verdict) -> Scores:
    return {"passed": verdict.passed, "loose": verdict.also["loose"], **verdict.parts}


def disagreements(theirs: Mapping[str, Scores], ours: Mapping[str, Scores]) -> Iterator[Disagreement]:
    """Over the items of both."""
    for name in sorted(theirs.keys() & ours.keys()):
        for measure, value in theirs[name].items():
            if ours[name][measure] != value:
                yield Disagreement(id=name, measure=measure, theirs=value, ours=ours[name][measure])
