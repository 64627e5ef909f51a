"""What was measured, on disk, so that nothing is measured twice: JSON lines, each flushed as it is written.

    {"journal": 1, "weights": "...", "calibration": "...", ...}     whose measurements these are
    {"key": "...", "value": {...}}                                  one measurement

A line counts once its end of line is there: what a killed process left of the last one is cut off. A journal
of other weights, text or settings is refused. It knows nothing of what the values mean.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from optiq_quant.errors import JournalForeign
from optiq_quant.shard_file import sync_folder

JOURNAL_VERSION = 1

Value = Mapping[str, Any]


class Journal:
    """Measurements by key. With `path` None they are kept in memory only.

    `identity` tells what was measured: every field must be equal in a journal that is gone on with.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, str]) -> None:
        self._values: dict[str, Value] = {}
        self._file: int | None = None
        if path is None:
            return
        header = {"journal": JOURNAL_VERSION, **identity}
        whole = _read_lines(path)
        if whole:
            _check_header(path, whole[0], header)
            self._values = dict(_entry(path, number, line) for number, line in enumerate(whole[1:], 2))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.ftruncate(self._file, sum(map(len, whole)))
        os.lseek(self._file, 0, os.SEEK_END)
        if not whole:
            self._append([header])
            sync_folder(path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Value:
        return self._values[key]

    def add(self, entries: Mapping[str, Value]) -> None:
        """Keep new measurements; they are on the disk when this returns."""
        self._append({"key": key, "value": value} for key, value in entries.items())
        self._values.update(entries)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        if self._file is None:
            return
        data = b"".join(json.dumps(line, allow_nan=False).encode() + b"\n" for line in lines)
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)


def _read_lines(path: Path) -> list[bytes]:
    """The lines that are whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def _check_header(path: Path, line: bytes, header: Mapping[str, Any]) -> None:
    found = _object(path, 1, line)
    for name in sorted({*found, *header}):
        if found.get(name) != header.get(name):
            raise JournalForeign(
                f"{path} holds other measurements: {name} is {found.get(name)!r} there and "
                f"{header.get(name)!r} here; remove it, or measure into another folder"
            )


def _entry(path: Path, number: int, line: bytes) -> tuple[str, Value]:
    found = _object(path, number, line)
    key, value = found.get("key"), found.get("value")
    if not isinstance(key, str) or not isinstance(value, dict):
        raise JournalForeign(f"{path}, line {number}: not a measurement; remove the file to measure anew")
    return key, value


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise JournalForeign(f"{path}, line {number}: not a JSON object; remove the file to measure anew")
    return found
