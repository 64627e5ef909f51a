"""lm-eval's own task definitions, made to read the items of a stored run from this disk.

Their metrics, filters and checkers stay as they are; the data set's place, the prompt and the task's name are
replaced.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from punkt import load_model

from optiq_server.evaluation.suite import Item

GSM8K = "gsm8k_stored"
IFEVAL = "ifeval_stored"
_CHANGED = ("task:", "tag:", "dataset_", "doc_to_text:", "num_fewshot:", "training_split:", "fewshot_split:")


def write_gsm8k(package: Path, folder: Path, items: Sequence[Item]) -> None:
    """`package` is the installed lm_eval."""
    rows = [
        {"id": item.id, "prompt": item.messages[0]["content"], "answer": item.reference["answer"]}
        for item in items
    ]
    data = _write_rows(folder, GSM8K, rows)
    theirs = (package / "tasks" / "gsm8k" / "gsm8k.yaml").read_text(encoding="utf-8")
    _write_task(folder / f"{GSM8K}.yaml", GSM8K, theirs, data, "test")


def write_ifeval(package: Path, folder: Path, items: Sequence[Item]) -> None:
    rows = [
        {
            "key": int(item.id),
            "prompt": item.messages[0]["content"],
            "instruction_id_list": item.reference["instructions"],
            "kwargs": item.reference["arguments"],
        }
        for item in items
    ]
    data = _write_rows(folder, IFEVAL, rows)
    source = package / "tasks" / "ifeval"
    shutil.copy(source / "utils.py", folder / "utils.py")
    theirs = (source / "ifeval.yaml").read_text(encoding="utf-8")
    _write_task(folder / f"{IFEVAL}.yaml", IFEVAL, theirs, data, "train")


def write_punkt(folder: Path) -> None:
    """Punkt's English parameters where NLTK looks for them, instead of a download."""
    learned = load_model("english")
    target = folder / "tokenizers" / "punkt_tab" / "english"
    target.mkdir(parents=True, exist_ok=True)
    tables = {
        "abbrev_types.txt": sorted(learned.abbrev_types),
        "sent_starters.txt": sorted(learned.sent_starters),
        "collocations.tab": ["\t".join(pair) for pair in sorted(learned.collocations)],
        "ortho_context.tab": [f"{word}\t{flags}" for word, flags in learned.ortho_context.items()],
    }
    for name, lines in tables.items():
        (target / name).write_text("\n".join(lines), encoding="utf-8")


def _write_rows(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _write_task(path: Path, name: str, theirs: str, data: Path, split: str) -> None:
    ours = (
        f"task: {name}\n"
        "dataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    {split}: {data}\n"
        'doc_to_text: "{{prompt}}"\n'
        "num_fewshot: 0\n"
    )
    path.write_text(ours + _without(theirs, _CHANGED), encoding="utf-8")


def _without(text: str, keys: tuple[str, ...]) -> str:
    """A YAML mapping without the entries of `keys` and what is listed under them."""
    kept: list[str] = []
    dropping = False
    for line in text.splitlines():
        if not line.startswith((" ", "-")):
            dropping = line.startswith(keys)
        if not dropping:
            kept.append(line)
    return "\n".join(kept) + "\n"
