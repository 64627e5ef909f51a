"""A job as it is told and kept: what was asked, how far it is, how it ended. Values only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """What a job does."""

    QUANTIZE = "quantize"
    EVALUATE = "evaluate"


class JobState(StrEnum):
    """Where a job is in its life; all but `running` are final."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` of `total` in this phase; `seconds_left` is the program's estimate, None where it has none."""

    phase: str
    done: float
    total: float
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`created` and `ended` are seconds since 1970; `error` says in one line why it failed. `has_result` is
    true also of a cancelled one that has told what it had by then."""

    id: str
    kind: JobKind
    options: Mapping[str, Any]
    created: int
    state: JobState = JobState.RUNNING
    ended: int | None = None
    progress: Progress | None = None
    error: str | None = None
    has_result: bool = False

    @property
    def is_running(self) -> bool:
        return self.state is JobState.RUNNING

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def job_of(value: Mapping[str, Any]) -> Job:
    """The job that `as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    progress = value["progress"]
    return Job(
        id=str(value["id"]),
        kind=JobKind(value["kind"]),
        options=dict(value["options"]),
        created=int(value["created"]),
        state=JobState(value["state"]),
        ended=value["ended"],
        progress=None if progress is None else Progress(**progress),
        error=value["error"],
        has_result=bool(value["has_result"]),
    )
