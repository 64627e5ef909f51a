"""Jobs with a real program in a process of its own: how they run, end, and are told after a restart."""

import asyncio
import os
from pathlib import Path

import pytest

from optiq_server.jobs.errors import JobIsRunning, NoResult, UnknownJob
from optiq_server.jobs.job import Job, JobKind, JobState, Progress
from optiq_server.jobs.registry import JobRegistry
from optiq_server.jobs.store import JobStore
from tests.server.doubles import CountedIds
from tests.server.jobs.workshop import NOW, has_progress, registry, until


async def _started(jobs: JobRegistry, mode: str) -> Job:
    return await jobs.start(JobKind.EVALUATE, {"suites": [mode]})


async def test_a_job_that_ends_by_itself_has_its_result_and_its_log(tmp_path: Path) -> None:
    jobs = registry(tmp_path)

    started = await _started(jobs, "done")
    await jobs.wait_until_idle()

    job = jobs.get(started.id)
    assert (job.state, job.created, job.ended, job.error) == (JobState.DONE, NOW, NOW, None)
    assert job.progress == Progress(phase="measuring", done=1, total=4, seconds_left=1.5)
    assert jobs.result(job.id) == b'{"score": 1}'
    assert jobs.log_tail(job.id) == ["begun"]


async def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    jobs = registry(tmp_path)

    started = await _started(jobs, "fail")
    await jobs.wait_until_idle()

    job = jobs.get(started.id)
    assert job.state is JobState.FAILED
    assert job.error == "optiq: the checkpoint is broken (exit code 1)"
    with pytest.raises(NoResult):
        jobs.result(job.id)


async def test_a_cancelled_job_is_asked_to_end(tmp_path: Path) -> None:
    jobs = registry(tmp_path)
    started = await _started(jobs, "wait")
    await until(jobs, started.id, has_progress)

    jobs.cancel(started.id)
    jobs.cancel(started.id)
    await jobs.wait_until_idle()

    job = jobs.get(started.id)
    assert (job.state, job.error) == (JobState.CANCELLED, None)
    assert jobs.log_tail(job.id) == ["begun", "asked to end"]
    assert jobs.result(job.id) == b'{"score": 0.5}'


async def test_a_job_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    jobs = registry(tmp_path, grace=0.0)
    started = await _started(jobs, "stubborn")
    await until(jobs, started.id, has_progress)

    jobs.cancel(started.id)
    await jobs.wait_until_idle()

    job = jobs.get(started.id)
    assert (job.state, job.has_result) == (JobState.CANCELLED, False)


async def test_what_a_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    jobs = registry(tmp_path)

    started = await _started(jobs, "family")
    await jobs.wait_until_idle()

    child = int((tmp_path / started.id / "child").read_text())
    assert jobs.get(started.id).state is JobState.DONE
    async with asyncio.timeout(60):
        # Its files are closed; the system takes it off its list a moment later.
        while _runs(child):
            await asyncio.sleep(0.01)


async def test_one_job_runs_at_a_time(tmp_path: Path) -> None:
    jobs = registry(tmp_path)
    started = await _started(jobs, "wait")

    with pytest.raises(JobIsRunning):
        await _started(jobs, "done")
    with pytest.raises(JobIsRunning):
        jobs.delete(started.id)

    await jobs.close()
    jobs.delete(started.id)
    assert jobs.jobs() == []


async def test_a_server_that_stops_ends_its_job_and_says_so_to_the_next_one(tmp_path: Path) -> None:
    jobs = registry(tmp_path)
    started = await _started(jobs, "wait")
    await until(jobs, started.id, has_progress)

    await jobs.close()

    job = registry(tmp_path).get(started.id)
    assert (job.state, job.error) == (JobState.FAILED, "the server stopped while this ran")


async def test_a_result_outlives_the_server(tmp_path: Path) -> None:
    jobs = registry(tmp_path)
    started = await _started(jobs, "done")
    await jobs.wait_until_idle()

    later = registry(tmp_path)

    assert later.result(started.id) == b'{"score": 1}'
    assert [job.id for job in later.jobs()] == [started.id]


async def test_another_server_sees_the_job_and_starts_none(tmp_path: Path) -> None:
    jobs, other = registry(tmp_path), registry(tmp_path)
    started = await _started(jobs, "wait")

    with pytest.raises(JobIsRunning):
        await _started(other, "done")

    assert other.get(started.id).is_running
    await jobs.close()


async def test_a_program_that_is_not_there_has_failed(tmp_path: Path) -> None:
    jobs = JobRegistry(
        JobStore(tmp_path),
        command_line=lambda *_: ["/nowhere/optiq"],
        new_id=CountedIds(),
        clock=lambda: NOW,
    )

    job = await _started(jobs, "done")

    assert job.state is JobState.FAILED
    assert job.error == "/nowhere/optiq: No such file or directory"
    jobs.require_idle()


async def test_a_job_that_has_ended_cannot_be_cancelled_any_more(tmp_path: Path) -> None:
    jobs = registry(tmp_path)
    started = await _started(jobs, "done")
    await jobs.wait_until_idle()

    assert jobs.cancel(started.id).state is JobState.DONE
    with pytest.raises(UnknownJob):
        jobs.cancel("job_99")


def _runs(process_id: int) -> bool:
    """Whether it runs; a process that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc").is_dir()
    return state not in ("Z", "X")
