"""Jobs as files, so that they outlive the server: a folder each, with its state, its log and its result.

A job that runs has a lock, which the system takes from a server that dies. So a state of "running" without a
lock is the trace of a server that was killed, and two servers that share a folder do not take each other's.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from optiq_server.jobs.errors import NoResult, UnknownJob
from optiq_server.jobs.job import Job, JobState, job_of

_STATE = "job.json"
_LOG = "log.txt"
_RESULT = "result.json"
_LOCK = "lock"

_ID = re.compile(r"[a-z0-9_]{1,64}")
"""What may name a folder."""

_MAX_LOG_BYTES = 1 << 20
_TAIL_LINES = 200

_LOST = "the server was killed while this ran"


class JobStore:
    """The jobs below `folder`, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def jobs(self) -> list[Job]:
        """All of them, newest first. What cannot be read is passed over."""
        return sorted(self._read_all(), key=lambda job: (job.created, job.id), reverse=True)

    def get(self, job_id: str) -> Job:
        """Raises UnknownJob."""
        job = self._read(job_id) if _ID.fullmatch(job_id) else None
        if job is None:
            raise UnknownJob(job_id)
        return job

    def put(self, job: Job) -> None:
        folder = self._folder / job.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = folder / f"{_STATE}.new"
        written.write_text(json.dumps(job.as_json()), encoding="utf-8")
        os.replace(written, folder / _STATE)

    def lock(self, job: Job) -> IO[bytes]:
        """Held as long as this server runs the job: until it is closed, or the server is gone."""
        held = (self._folder / job.id / _LOCK).open("wb")
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return held

    def folder_of(self, job: Job) -> Path:
        """The job's own folder; what its program leaves there is deleted with it."""
        return self._folder / job.id

    def result_path(self, job: Job) -> Path:
        return self._folder / job.id / _RESULT

    def result(self, job_id: str) -> bytes:
        """What a job has printed as its result. Raises UnknownJob and NoResult."""
        job = self.get(job_id)
        if not job.has_result:
            raise NoResult(job_id)
        return self.result_path(job).read_bytes()

    def has_printed(self, job: Job) -> bool:
        """Whether its result is whole: a program that was made to end may have been in the middle of it."""
        try:
            json.loads(self.result_path(job).read_bytes())
        except (OSError, ValueError):
            return False
        return True

    def add_to_log(self, job: Job, line: str) -> None:
        path = self._folder / job.id / _LOG
        with path.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
            is_full = log.tell() > _MAX_LOG_BYTES
        if is_full:
            path.write_text("".join(f"{each}\n" for each in self.log_tail(job.id)), encoding="utf-8")

    def log_tail(self, job_id: str) -> list[str]:
        """The last lines. Raises UnknownJob."""
        path = self._folder / self.get(job_id).id / _LOG
        if not path.exists():
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]

    def delete(self, job_id: str) -> None:
        """Raises UnknownJob."""
        shutil.rmtree(self._folder / self.get(job_id).id)

    def _read_all(self) -> Iterator[Job]:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            job = self._read(path.name) if _ID.fullmatch(path.name) else None
            if job is not None:
                yield job

    def _read(self, job_id: str) -> Job | None:
        path = self._folder / job_id / _STATE
        try:
            job = job_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if job.is_running and not self._is_locked(job):
            job = replace(job, state=JobState.FAILED, ended=int(path.stat().st_mtime), error=_LOST)
            self.put(job)
        return job

    def _is_locked(self, job: Job) -> bool:
        try:
            with (self._folder / job.id / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
