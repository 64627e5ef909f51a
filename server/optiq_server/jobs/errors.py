"""Errors of jobs.

JobError
├── UnknownJob     there is none with this id
├── JobIsRunning   it, or another one, has not ended
├── ForeignJob     another server runs it
└── NoResult       it has left none
"""


class JobError(Exception):
    """Base of all; never raised itself. `job_id` is the job that it is about."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class UnknownJob(JobError):
    """There is no job with this id, or no more."""

    def __str__(self) -> str:
        return f"there is no job {self.job_id!r}"


class JobIsRunning(JobError):
    """The job runs: nothing else can be started, and it cannot be removed."""

    def __str__(self) -> str:
        return f"job {self.job_id!r} is running: wait for it, or cancel it"


class ForeignJob(JobError):
    """Another server that shares the folder runs the job, and alone can end it."""

    def __str__(self) -> str:
        return f"job {self.job_id!r} belongs to another server on this machine: cancel it there"


class NoResult(JobError):
    """The job has no result: it runs, has failed, or was cancelled."""

    def __str__(self) -> str:
        return f"job {self.job_id!r} has no result"
