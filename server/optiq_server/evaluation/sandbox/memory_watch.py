"""The memory of a process and of all below it, watched from outside: macOS holds to no limit of it."""

import os
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

_SECONDS_BETWEEN_LOOKS = 0.1
_COMMAND = ("ps", "-A", "-o", "pid=,ppid=,rss=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A line of what `ps` printed."""

    pid: int
    parent: int
    resident_bytes: int


def watch_memory(root: int, most_bytes: int, done: threading.Event) -> None:
    """Until `done`, kill the largest process at or below `root` whenever one is larger than `most_bytes`."""
    while not done.wait(_SECONDS_BETWEEN_LOOKS):
        listing = subprocess.run(_COMMAND, capture_output=True, text=True, check=True).stdout
        excessive = largest_above(read_processes(listing), root, most_bytes)
        if excessive is not None:
            with suppress(ProcessLookupError):
                os.kill(excessive, signal.SIGKILL)


def read_processes(listing: str) -> dict[int, Process]:
    """By id. `ps` tells memory in KiB."""
    rows = (map(int, line.split()) for line in listing.splitlines() if line.strip())
    return {
        pid: Process(pid=pid, parent=parent, resident_bytes=kibibytes << 10)
        for pid, parent, kibibytes in rows
    }


def largest_above(processes: Mapping[int, Process], root: int, most_bytes: int) -> int | None:
    """The id of the largest process at or below `root`, if it is larger than allowed."""
    children: dict[int, list[Process]] = defaultdict(list)
    for process in processes.values():
        children[process.parent].append(process)
    below = [processes[root]] if root in processes else []
    for process in below:
        below.extend(children[process.pid])
    largest = max(below, key=lambda process: process.resident_bytes, default=None)
    return largest.pid if largest is not None and largest.resident_bytes > most_bytes else None
