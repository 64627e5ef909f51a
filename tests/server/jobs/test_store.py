"""Jobs as files: what comes back, what a killed server leaves, what is passed over."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optiq_server.jobs.errors import NoResult, UnknownJob
from optiq_server.jobs.job import Job, JobKind, JobState, Progress, job_of
from optiq_server.jobs.store import JobStore

_JOB = Job(
    id="job_1",
    kind=JobKind.QUANTIZE,
    options={"checkpoint": "/models/a", "bpw": 4.5},
    created=10,
    state=JobState.DONE,
    ended=20,
    progress=Progress(phase="writing", done=1, total=2),
)


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs")

    store.put(_JOB)

    assert store.get("job_1") == _JOB
    assert job_of(json.loads(json.dumps(_JOB.as_json()))) == _JOB
    assert (tmp_path / "jobs" / "job_1").stat().st_mode & 0o077 == 0


def test_jobs_are_told_newest_first(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    for name, created in (("job_a", 1), ("job_b", 3), ("job_c", 2)):
        store.put(replace(_JOB, id=name, created=created))

    assert [job.id for job in store.jobs()] == ["job_b", "job_c", "job_a"]


def test_the_job_of_a_server_that_was_killed_has_failed(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    running = replace(_JOB, state=JobState.RUNNING, ended=None)
    store.put(running)

    with store.lock(running):
        alive = JobStore(tmp_path).get("job_1")
    dead = JobStore(tmp_path).get("job_1")

    assert alive.is_running
    assert (dead.state, dead.error) == (JobState.FAILED, "the server was killed while this ran")
    assert dead.ended is not None


@pytest.mark.parametrize("job_id", ["", "..", "../x", "job_2", "a/b", "JOB", "job_1\n"])
def test_there_is_no_job_by_any_other_name(tmp_path: Path, job_id: str) -> None:
    store = JobStore(tmp_path)
    store.put(_JOB)

    with pytest.raises(UnknownJob):
        store.get(job_id)
    with pytest.raises(UnknownJob):
        store.delete(job_id)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "job_2", "kind": "dance"}'])
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, text: str) -> None:
    store = JobStore(tmp_path)
    store.put(_JOB)
    (tmp_path / "job_2").mkdir()
    (tmp_path / "job_2" / "job.json").write_text(text)

    assert store.jobs() == [_JOB]


@pytest.mark.parametrize(("printed", "is_whole"), [(b'{"a": 1}', True), (b'{"a"', False), (b"", False)])
def test_only_a_whole_result_counts(tmp_path: Path, printed: bytes, is_whole: bool) -> None:
    store = JobStore(tmp_path)
    store.put(_JOB)
    store.result_path(_JOB).write_bytes(printed)

    assert store.has_printed(_JOB) is is_whole


def test_a_job_that_has_told_nothing_has_no_result(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.put(replace(_JOB, state=JobState.FAILED))
    store.result_path(_JOB).write_text("{}")

    with pytest.raises(NoResult):
        store.result("job_1")


def test_a_log_keeps_its_last_lines_within_bounds(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.put(_JOB)
    for number in range(1500):
        store.add_to_log(_JOB, f"{number} " + "x" * 1000)

    tail = store.log_tail("job_1")

    assert len(tail) == 200
    assert tail[-1].startswith("1499 ")
    assert (tmp_path / "job_1" / "log.txt").stat().st_size < 2 << 20


def test_without_a_folder_there_are_no_jobs(tmp_path: Path) -> None:
    assert JobStore(tmp_path / "nowhere").jobs() == []
