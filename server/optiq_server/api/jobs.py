"""/v1/lab/jobs: quantizing and evaluating, started, watched and ended. What runs is `jobs`' affair."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.lab_guard import trusted_only
from optiq_server.engine.errors import LoadFailed
from optiq_server.errors import ApiError, Conflict, InvalidRequest, NotFound
from optiq_server.jobs.errors import ForeignJob, JobError, JobIsRunning, NoResult
from optiq_server.jobs.job import JobKind
from optiq_server.jobs.memory import MemoryCheck
from optiq_server.jobs.registry import JobRegistry
from optiq_server.schema.errors import ErrorBody
from optiq_server.schema.jobs import (
    AnyStart,
    JobBody,
    JobList,
    StartEvaluate,
    StartQuantize,
    job_body,
)

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where jobs are done. `needed` are the bytes of a checkpoint's weights, None where none is on this disk.

    `left` are the bytes that the served model leaves, None where nothing tells. Both may take a moment.
    """

    registry: JobRegistry
    needed: Callable[[str], int | None]
    left: Callable[[], int | None]


def jobs_router(workshop: Workshop, *, has_key: bool) -> APIRouter:
    """The routes, for the user of this machine or whoever has the key."""
    registry = workshop.registry
    guard = Depends(trusted_only(has_key=has_key))
    router = APIRouter(tags=["lab"], dependencies=[guard], responses={404: {"model": ErrorBody}})

    @router.get("/v1/lab/jobs")
    async def list_jobs() -> JobList:
        return JobList(jobs=[job_body(job) for job in registry.jobs()])

    @router.post("/v1/lab/jobs", status_code=201, openapi_extra=documented(StartQuantize))
    async def start_job(request: Request) -> JobBody:
        body = _start(await read_json_body(request))
        await _require_room(workshop, body)
        options = body.options.model_dump(exclude_none=True)
        try:
            return job_body(await registry.start(JobKind(body.kind), options))
        except JobError as error:
            raise _answer(error) from error

    @router.get("/v1/lab/jobs/{job_id}")
    async def read_job(job_id: str) -> JobBody:
        return job_body(_told(lambda: registry.get(job_id)))

    @router.post("/v1/lab/jobs/{job_id}/cancel")
    async def cancel_job(job_id: str) -> JobBody:
        return job_body(_told(lambda: registry.cancel(job_id)))

    @router.delete("/v1/lab/jobs/{job_id}", response_model=None)
    async def delete_job(job_id: str) -> dict[str, object]:
        _told(lambda: registry.delete(job_id))
        return {"id": job_id, "deleted": True}

    @router.get("/v1/lab/jobs/{job_id}/log", response_class=PlainTextResponse)
    async def read_log(job_id: str) -> str:
        return "".join(f"{line}\n" for line in _told(lambda: registry.log_tail(job_id)))

    @router.get("/v1/lab/jobs/{job_id}/result", response_model=None)
    async def read_result(job_id: str) -> Response:
        return Response(_told(lambda: registry.result(job_id)), media_type="application/json")

    return router


def _start(raw: bytes) -> StartQuantize | StartEvaluate:
    match parse_as(AnyStart, raw).kind:
        case JobKind.QUANTIZE:
            return parse_as(StartQuantize, raw)
        case JobKind.EVALUATE:
            return parse_as(StartEvaluate, raw)


async def _require_room(workshop: Workshop, body: StartQuantize | StartEvaluate) -> None:
    """Raises Conflict for what does not fit beside the model. Evaluating loads nothing."""
    if isinstance(body, StartEvaluate) or body.share_memory:
        return
    try:
        needed = await asyncio.to_thread(workshop.needed, body.options.checkpoint)
    except LoadFailed as error:
        raise InvalidRequest(
            f"'options.checkpoint': {error}", param="options.checkpoint", code="invalid_value"
        ) from error
    check = MemoryCheck(needed=needed, left=workshop.left())
    if not check.fits:
        raise Conflict(
            f"{check}; with 'share_memory' it is started all the same", param="share_memory", code="memory"
        )


def _told(ask: Callable[[], _Told]) -> _Told:
    try:
        return ask()
    except JobError as error:
        raise _answer(error) from error


def _answer(error: JobError) -> ApiError:
    match error:
        case JobIsRunning():
            return Conflict(str(error), code="job_running")
        case ForeignJob():
            return Conflict(str(error), code="job_elsewhere")
        case NoResult():
            return NotFound(str(error), param="job_id", code="no_result")
        case _:
            return NotFound(str(error), param="job_id", code="job_not_found")
