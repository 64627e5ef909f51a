"""A registry whose programs are the fake one; which mode, the option `checkpoint` or the first suite says."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optiq_server.jobs.job import Job, JobKind
from optiq_server.jobs.registry import JobRegistry
from optiq_server.jobs.store import JobStore
from tests.server.doubles import CountedIds

ROOT = Path(__file__).resolve().parents[3]
NOW = 1_700_000_000


def fake_command(_kind: JobKind, options: Mapping[str, Any], folder: Path) -> list[str]:
    mode = options["suites"][0] if "suites" in options else Path(options["checkpoint"]).name
    program = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    run = "runpy.run_module('tests.server.jobs.fake_program', run_name='__main__', alter_sys=True)"
    return [sys.executable, "-c", program + run, str(ROOT), mode, str(folder / "child")]


def registry(folder: Path, *, grace: float = 60.0) -> JobRegistry:
    return JobRegistry(
        JobStore(folder), command_line=fake_command, new_id=CountedIds(), clock=lambda: NOW, grace=grace
    )


async def until(jobs: JobRegistry, job_id: str, holds: Callable[[Job], bool]) -> Job:
    """The job, once that holds; the limit is for a broken registry."""
    async with asyncio.timeout(60):
        while not holds(job := jobs.get(job_id)):
            await asyncio.sleep(0.01)
    return job


def has_progress(job: Job) -> bool:
    return job.progress is not None
