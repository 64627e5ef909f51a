"""Where a benchmark's data is: in the user's folder, or fetched once and proven by its sha256.

A fetched file is one that was published: its address names a fixed revision wherever there is one. A file in
the user's own folder is read as it is; the run's fingerprint tells what it held.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from optiq_server.evaluation.errors import DataDamaged, DataMissing

Fetch: TypeAlias = Callable[["Published", Path], None]
"""Puts a published file at a path. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of a benchmark: `path` below the data folder, the published file's hash and address.

    `hub` is the data set's repository, revision and file on the Hugging Face hub, where it is fetched from
    there; otherwise `url` is.
    """

    path: str
    sha256: str
    url: str
    hub: tuple[str, str, str] | None = None


GSM8K = Published(
    path="gsm8k/test.jsonl",
    sha256="3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
    url="https://raw.githubusercontent.com/openai/grade-school-math/"
    "3101c7d5072418e28b9008a6636bde82a006892c/grade_school_math/data/test.jsonl",
)
HUMANEVAL = Published(
    path="humaneval/HumanEval.jsonl.gz",
    sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    url="https://raw.githubusercontent.com/openai/human-eval/"
    "6d43fb980f9fee3c892a914eda09951f772ad10d/data/HumanEval.jsonl.gz",
)
IFEVAL = Published(
    path="ifeval/input_data.jsonl",
    sha256="6a85310ca8ce15eff755aa08a3a4ff931c7e273e7515ebb3c492ea85fd8288f2",
    url="https://huggingface.co/datasets/google/IFEval/resolve/"
    "966cd89545d6b6acfd7638bc708b98261ca58e84/ifeval_input_data.jsonl",
    hub=("google/IFEval", "966cd89545d6b6acfd7638bc708b98261ca58e84", "ifeval_input_data.jsonl"),
)
# No revision is named: the leaderboard's repository moves, and the hash proves what it held.
_BFCL = "https://raw.githubusercontent.com/ShishirPatil/gorilla/main/berkeley-function-call-leaderboard/bfcl_eval/data/"
BFCL_QUESTIONS = Published(
    path="bfcl/BFCL_v4_simple_python.json",
    sha256="82dd63ba502eb2520c6b5d1d9a5c4b590e03ff261565175561f6228a367d1991",
    url=f"{_BFCL}BFCL_v4_simple_python.json",
)
BFCL_ANSWERS = Published(
    path="bfcl/BFCL_v4_simple_python_answer.json",
    sha256="90cd5bc653690ee8e459b5b3f3fc9458606f7f3fcbf795bb51b7dc581f8c86dc",
    url=f"{_BFCL}possible_answer/BFCL_v4_simple_python.json",
)
_MMLU_MISSING = (
    "MMLU is not in {folder}: get it with "
    "`curl -LO https://people.eecs.berkeley.edu/~hendrycks/data.tar && tar -xf data.tar && mkdir -p DIR && "
    "mv data DIR/mmlu`, then give --data DIR"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Finds files: in `folder` alone if there is one, else in `cache`, where `fetch` puts what is missing."""

    folder: Path | None
    cache: Path
    fetch: Fetch

    def file(self, published: Published) -> Path:
        """Raises DataMissing, DataDamaged."""
        if self.folder is not None:
            path = self.folder / published.path
            if not path.is_file():
                raise DataMissing(_missing(self.folder, published))
            return path
        path = self.cache / published.path
        if not path.is_file():
            self._fetch(published, path)
        return path

    def mmlu(self) -> Path:
        """The folder with `dev` and `test`. Raises DataMissing; an archive is not fetched."""
        base = self.folder or self.cache
        folder = base / "mmlu"
        if not (folder / "test").is_dir() or not (folder / "dev").is_dir():
            raise DataMissing(_MMLU_MISSING.format(folder=base))
        return folder

    def _fetch(self, published: Published, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        try:
            self.fetch(published, partial)
        except OSError as error:
            raise DataMissing(
                f"{published.url} cannot be fetched ({error}). {_missing(None, published)}"
            ) from error
        found = hashlib.sha256(partial.read_bytes()).hexdigest()
        if found != published.sha256:
            partial.unlink()
            raise DataDamaged(
                f"{published.url} has the sha256 {found}, not {published.sha256}: it is not the "
                "file that was published. Put the right one into a folder and give --data"
            )
        partial.replace(path)


def rows_of(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The objects of a JSONL file, plain or in gzip, each with at least `columns`. Raises DataDamaged."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataDamaged(f"{path} cannot be read: {error}") from error
    rows = [
        _row(path, number, line, columns) for number, line in enumerate(text.split("\n"), 1) if line.strip()
    ]
    if not rows:
        raise DataDamaged(f"{path} is empty")
    return rows


def _row(path: Path, number: int, line: str, columns: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataDamaged(f"{path}, line {number}: no JSON ({error})") from error
    if not isinstance(row, dict) or any(column not in row for column in columns):
        raise DataDamaged(f"{path}, line {number}: an object with {', '.join(columns)} is needed")
    return row


def _missing(folder: Path | None, published: Published) -> str:
    where = f"{published.path} is not in {folder}: get" if folder is not None else "Get"
    command = f"curl -L --create-dirs -o DIR/{published.path} {published.url}"
    return f"{where} it with `{command}`, then give --data DIR"
