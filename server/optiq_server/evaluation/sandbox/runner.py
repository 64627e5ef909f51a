"""One program under test, run in a sandbox to its verdict. It does not know what the program is for.

A success is believed only with the token, which was sent to the judge after the program had its own process.
"""

import hmac
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from optiq_server.evaluation.sandbox.guest.wire import BrokenFrame, frame, unframe
from optiq_server.evaluation.sandbox.limits import Limits
from optiq_server.evaluation.sandbox.mechanism import Mechanism
from optiq_server.evaluation.sandbox.memory_watch import watch_memory
from optiq_server.evaluation.suite import Outcome

_GRACE_SECONDS = 10.0
"""For the guest to start and to end; it watches the wall clock itself."""

_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""Fixed, so that the same program does the same again."""

_MAX_COMPLAINT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`sources` are not trusted: they are executed one after the other and must define `entry_point`. `setup`
    and `tests` are; they are executed elsewhere, and define `check`, which is given the function.
    """

    sources: tuple[str, ...]
    entry_point: str
    setup: str
    tests: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`detail` says why the tests were not passed."""

    outcome: Outcome
    detail: str = ""


class Sandbox:
    """Runs programs, at most `parallel` at a time; callable from any thread."""

    def __init__(self, *, mechanism: Mechanism, limits: Limits, parallel: int) -> None:
        if parallel < 1:
            raise ValueError(f"parallel {parallel} is not at least 1")
        self.mechanism = mechanism
        self.parallel = parallel
        self._limits = limits
        self._free = threading.BoundedSemaphore(parallel)

    def run(self, program: Program) -> Report:
        token = secrets.token_hex(16)
        try:
            frames = self._frames(program, token)
        except BrokenFrame as error:
            return Report(outcome=Outcome.FAILED, detail=f"the program is too long: {error}")
        with self._free, TemporaryDirectory(prefix="optiq-sandbox-") as folder:
            output, complaint = self._start(os.path.realpath(folder), frames)
        return _report(output, token, complaint)

    def _frames(self, program: Program, token: str) -> bytes:
        """The order, which the candidate's process sees, and the job, which it does not."""
        order = {
            "sources": program.sources,
            "entry_point": program.entry_point,
            "cpu_seconds": self._limits.cpu_seconds,
            "memory_bytes": self._limits.memory_bytes,
            "readable": self.mechanism.readable,
        }
        job = {
            "token": token,
            "setup": program.setup,
            "tests": program.tests,
            "wall_seconds": self._limits.wall_seconds,
        }
        return b"".join(frame(json.dumps(each).encode()) for each in (order, job))

    def _start(self, folder: str, frames: bytes) -> tuple[bytes, str]:
        """What the guest wrote, and what was complained before it started."""
        process = subprocess.Popen(
            self.mechanism.command(folder),
            cwd=folder,
            env={**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self._watched(process.pid):
            try:
                output, complaint = process.communicate(
                    frames, timeout=self._limits.wall_seconds + _GRACE_SECONDS
                )
            except subprocess.TimeoutExpired:
                return b"", "it did not end"
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate()
        return output, complaint.decode(errors="replace")

    @contextmanager
    def _watched(self, pid: int) -> Iterator[None]:
        if not self.mechanism.watches_memory:
            yield
            return
        done = threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(pid, self._limits.memory_bytes, done))
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _report(output: bytes, token: str, complaint: str) -> Report:
    """Without a verdict nothing was checked: the program ended its judge, or the sandbox did not start."""
    try:
        result = json.loads(unframe(output))
        if not hmac.compare_digest(result["token"], token):
            raise BrokenFrame("another token")
        return Report(outcome=Outcome(result["outcome"]), detail=result["detail"])
    except (ValueError, KeyError, TypeError, BrokenFrame):
        last = complaint.strip().splitlines()[-1:] or ["it said nothing"]
        return Report(outcome=Outcome.UNCHECKABLE, detail=f"no verdict: {last[0][:_MAX_COMPLAINT]}")
