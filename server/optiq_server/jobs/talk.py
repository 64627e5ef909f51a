"""What a job's program says on stderr: lines, of which some are progress. Pure.

Progress is one JSON object a line, `{"phase", "done", "total", "seconds_left"}`; all else is for the log.
"""

import json
import math
import re

from optiq_server.jobs.job import Progress

_LINE_END = re.compile(rb"[\r\n]+")
"""Progress bars of libraries go back to the beginning of the line instead of to the next one."""

_MAX_LINE_BYTES = 4096
"""Longer lines are cut: a log is for people."""


class LineReader:
    """Bytes in, in any split; whole lines out."""

    def __init__(self) -> None:
        self._unfinished = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that `piece` completes."""
        *whole, rest = _LINE_END.split(self._unfinished + piece)
        self._unfinished = rest[:_MAX_LINE_BYTES]
        return [_text(line) for line in whole if line]

    def finish(self) -> list[str]:
        """What came after the last line end."""
        rest, self._unfinished = self._unfinished, b""
        return [_text(rest)] if rest else []


def progress_of(line: str) -> Progress | None:
    """The progress that a line tells; None where it is something else."""
    if not line.startswith("{"):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        return None
    phase, done, total = (told.get(name) for name in ("phase", "done", "total"))
    if not isinstance(phase, str) or not _is_number(done) or not _is_number(total):
        return None
    left = told.get("seconds_left")
    return Progress(phase=phase, done=done, total=total, seconds_left=left if _is_number(left) else None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(line: bytes) -> str:
    return line[:_MAX_LINE_BYTES].decode(errors="replace")
