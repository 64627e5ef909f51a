"""The bodies of POST /v1/lab/jobs, and a job as it is told."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from optiq_server.jobs.job import Job, JobKind, JobState, Progress
from optiq_server.schema.chat import Effort
from optiq_server.schema.fields import RequestModel

_MAX_TEXT = 4096
"""Longer than any path."""

_Text = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class _Options(RequestModel):
    """Unlike a request's fields, an option that is not known is refused: a job costs hours."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class QuantizeOptions(_Options):
    """`checkpoint` is a folder or a repository, `out` a folder; the budget is one of `bpw` and `size`."""

    checkpoint: _Text
    out: _Text
    bpw: Annotated[float, Field(gt=0, le=32)] | None = None
    size: _Text | None = None
    calibration: _Text | None = None
    experts: Literal["keep", "measure"] | None = None

    @field_validator("checkpoint")
    @classmethod
    def _is_no_option(cls, value: str) -> str:
        if value.startswith("-"):
            raise PydanticCustomError("checkpoint_name", "it should be a folder or a repository (owner/name)")
        return value

    @model_validator(mode="after")
    def _has_one_budget(self) -> Self:
        if (self.bpw is None) is (self.size is None):
            raise PydanticCustomError("budget", "it should have one of 'bpw' and 'size'")
        return self


class EvaluateOptions(_Options):
    """`base_url` None is this server; `limit` bounds the items of each suite."""

    suites: Annotated[list[_Name], Field(min_length=1, max_length=32)]
    data: _Text | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    reasoning_effort: Effort | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=_MAX_TEXT)] | None = None


class AnyStart(RequestModel):
    """What a job is; its options are read once that is known."""

    kind: JobKind = Field(strict=False)


class StartQuantize(RequestModel):
    """Quantize a checkpoint. With `share_memory` it may take what the model was promised."""

    kind: Literal["quantize"]
    options: QuantizeOptions
    share_memory: bool = False


class StartEvaluate(RequestModel):
    """Evaluate a model through its server."""

    kind: Literal["evaluate"]
    options: EvaluateOptions
    share_memory: bool = False


class JobBody(BaseModel):
    """One job."""

    id: str
    kind: JobKind
    options: dict[str, Any]
    state: JobState
    created: int
    ended: int | None
    progress: Progress | None
    error: str | None
    has_result: bool


class JobList(BaseModel):
    """All jobs, newest first."""

    jobs: list[JobBody]


def job_body(job: Job) -> JobBody:
    return JobBody(
        id=job.id,
        kind=job.kind,
        options=dict(job.options),
        state=job.state,
        created=job.created,
        ended=job.ended,
        progress=job.progress,
        error=job.error,
        has_result=job.has_result,
    )
