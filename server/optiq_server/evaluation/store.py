"""Stored runs: one file a suite, to which every answer is appended as it comes.

A line is on the disk before the next question is asked, so a crash costs what was under way and no more. A
last line without an end is what a crash left of a write; it is cut off.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import BinaryIO

from optiq_server.evaluation.errors import ForeignRun, RunDamaged
from optiq_server.evaluation.records import Header, Line, Plan, Record, decode_line, encode_line

_HEADER_START = b'{"kind":"header",'


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """What a file holds: `records` by the item's id, the last one of each."""

    header: Header
    plan: Plan
    records: Mapping[str, Record] = field(repr=False)


def run_file(folder: Path, suite: str) -> Path:
    return folder / f"{suite}.jsonl"


def read_run(path: Path) -> StoredRun:
    """Raises RunDamaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunDamaged(f"{path} cannot be read: {error.strerror}") from error
    return _run(path, _complete_lines(content))


class RunWriter:
    """Appends to one run. It belongs to whoever opened it."""

    def __init__(self, file: BinaryIO, records: Mapping[str, Record]) -> None:
        self._file = file
        self._records = dict(records)

    @property
    def records(self) -> Mapping[str, Record]:
        return self._records

    def append(self, line: Line) -> None:
        self._file.write(encode_line(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        if isinstance(line, Record):
            self._records[line.id] = line


@contextmanager
def open_run(path: Path, header: Header, plan: Plan) -> Iterator[RunWriter]:
    """The run of `path`, begun or continued. Raises ForeignRun if it is another's, RunDamaged."""
    with _opened(path) as file:
        _lock(file, path)
        file.seek(0)
        content = file.read()
        complete = content[: content.rfind(b"\n") + 1]
        if complete:
            stored = _run(path, _complete_lines(complete))
            _refuse_foreign(path, stored.header, header)
            file.truncate(len(complete))
            writer = RunWriter(file, stored.records)
        else:
            if not _HEADER_START.startswith(content[: len(_HEADER_START)]):
                raise RunDamaged(f"{path} is no stored run: choose another --out")
            file.truncate(0)
            writer = RunWriter(file, {})
            writer.append(header)
        writer.append(plan)
        yield writer


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")
    except OSError as error:
        raise RunDamaged(f"{path} cannot be written: {error.strerror}; choose another --out") from error


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunDamaged(f"{path} is being written by another run: choose another --out") from error


def _complete_lines(content: bytes) -> list[str]:
    try:
        return content[: content.rfind(b"\n") + 1].decode().split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise RunDamaged(f"this is no stored run: {error}") from error


def _run(path: Path, lines: list[str]) -> StoredRun:
    header: Header | None = None
    plan: Plan | None = None
    records: dict[str, Record] = {}
    for number, text in enumerate(lines, start=1):
        try:
            line = decode_line(text)
        except RunDamaged as error:
            raise RunDamaged(f"{path}, line {number}: {error}") from error
        match line:
            case Header():
                header = line
            case Plan():
                plan = line
            case Record():
                records[line.id] = line
    if header is None or plan is None:
        raise RunDamaged(f"{path} is no stored run: it has no header")
    return StoredRun(header=header, plan=plan, records=records)


def _refuse_foreign(path: Path, stored: Header, wanted: Header) -> None:
    for each in fields(Header):
        old, new = getattr(stored, each.name), getattr(wanted, each.name)
        if old != new:
            raise ForeignRun(
                f"{path} holds answers of another run: its {each.name} is {old}, now it would be {new}; "
                "choose another --out"
            )
