"""The jobs of this server: one runs at a time, and those that have ended are kept. On the event loop.

RUNNING -> DONE where the program ends with 0; CANCELLED where it was asked to end; else FAILED, with the last
line that it said. A server that stops ends what runs, and says so in the job.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TypeAlias

from optiq_server.jobs.errors import ForeignJob, JobIsRunning
from optiq_server.jobs.job import Job, JobKind, JobState
from optiq_server.jobs.process import GRACE_SECONDS, JobProcess, start_process
from optiq_server.jobs.store import JobStore
from optiq_server.jobs.talk import progress_of

logger = logging.getLogger(__name__)

CommandLine: TypeAlias = Callable[[JobKind, Mapping[str, Any], Path], Sequence[str]]

_KEPT = 50
"""Jobs; older ones leave when a new one starts."""

_STOPPED = "the server stopped while this ran"


@dataclass(slots=True, kw_only=True)
class _Running:
    """The job that runs. Once it was asked to end, `asked` is what that makes of it, and why."""

    job: Job
    lock: IO[bytes]
    process: JobProcess
    last_line: str = ""
    asked: tuple[JobState, str | None] | None = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)


class JobRegistry:
    """`command_line` makes a job's command, of its kind, its options and its folder; it is run with
    `environment`. `clock` gives seconds since 1970, `grace` are those between asking to end and ending."""

    def __init__(
        self,
        store: JobStore,
        *,
        command_line: CommandLine,
        new_id: Callable[[str], str],
        clock: Callable[[], int],
        environment: Mapping[str, str] = os.environ,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._store = store
        self._command_line = command_line
        self._new_id = new_id
        self._clock = clock
        self._environment = environment
        self._grace = grace
        self._running: _Running | None = None

    def jobs(self) -> list[Job]:
        """All of them, newest first."""
        return [self._freshest(job) for job in self._store.jobs()]

    def get(self, job_id: str) -> Job:
        """Raises UnknownJob."""
        return self._freshest(self._store.get(job_id))

    def log_tail(self, job_id: str) -> list[str]:
        """The last lines that it said. Raises UnknownJob."""
        return self._store.log_tail(job_id)

    def result(self, job_id: str) -> bytes:
        """The JSON that it has written. Raises UnknownJob and NoResult."""
        return self._store.result(job_id)

    def delete(self, job_id: str) -> None:
        """Raises UnknownJob and JobIsRunning."""
        if self.get(job_id).is_running:
            raise JobIsRunning(job_id)
        self._store.delete(job_id)

    def require_idle(self) -> None:
        """Raises JobIsRunning if one runs, here or at another server that shares the folder."""
        for job in self.jobs():
            if job.is_running:
                raise JobIsRunning(job.id)

    async def start(self, kind: JobKind, options: Mapping[str, Any]) -> Job:
        """Start a job; one whose program cannot be started has failed. Raises JobIsRunning."""
        self.require_idle()
        job = Job(id=self._new_id("job_"), kind=kind, options=options, created=self._clock())
        self._store.put(job)
        lock = self._store.lock(job)
        self._forget_oldest()
        command = self._command_line(kind, options, self._store.folder_of(job))
        try:
            process = await start_process(
                command, environment=self._environment, result=self._store.result_path(job)
            )
        except OSError as error:
            logger.exception("a job could not be started")
            return self._conclude(job, lock, JobState.FAILED, f"{command[0]}: {error.strerror}")
        running = _Running(job=job, lock=lock, process=process)
        running.tasks.append(asyncio.create_task(self._run(running), name=f"run {job.id}"))
        self._running = running
        return job

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end; one that has ended stays as it is. Raises UnknownJob and ForeignJob."""
        job = self.get(job_id)
        if self._running is not None and self._running.job.id == job_id:
            self._end(self._running, JobState.CANCELLED, None)
        elif job.is_running:
            raise ForeignJob(job_id)
        return job

    async def close(self) -> None:
        """End what runs, and wait for it."""
        if self._running is not None:
            self._end(self._running, JobState.FAILED, _STOPPED)
            await self.wait_until_idle()

    async def wait_until_idle(self) -> None:
        """Return once nothing runs here."""
        if self._running is not None:
            await asyncio.gather(*self._running.tasks)

    async def _run(self, running: _Running) -> None:
        code = await running.process.wait(lambda line: self._hear(running, line))
        state, error = _outcome(running, code)
        self._running = None
        self._conclude(running.job, running.lock, state, error)

    def _hear(self, running: _Running, line: str) -> None:
        progress = progress_of(line)
        if progress is None:
            running.last_line = line
            self._store.add_to_log(running.job, line)
        else:
            running.job = replace(running.job, progress=progress)

    def _end(self, running: _Running, state: JobState, why: str | None) -> None:
        if running.asked is None:
            running.asked = (state, why)
            ending = running.process.end(self._grace)
            running.tasks.append(asyncio.create_task(ending, name=f"end {running.job.id}"))

    def _conclude(self, job: Job, lock: IO[bytes], state: JobState, error: str | None) -> Job:
        tells = state in (JobState.DONE, JobState.CANCELLED) and self._store.has_printed(job)
        ended = replace(job, state=state, error=error, ended=self._clock(), has_result=tells)
        self._store.put(ended)
        lock.close()
        return ended

    def _freshest(self, stored: Job) -> Job:
        """The file of a job has no progress as long as it runs."""
        running = self._running
        return running.job if running is not None and running.job.id == stored.id else stored

    def _forget_oldest(self) -> None:
        for job in self._store.jobs()[_KEPT:]:
            if not job.is_running:
                self._store.delete(job.id)


def _outcome(running: _Running, code: int) -> tuple[JobState, str | None]:
    if code == 0:
        return JobState.DONE, None
    if running.asked is not None:
        return running.asked
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return JobState.FAILED, f"{running.last_line or 'it said nothing'} ({how})"
