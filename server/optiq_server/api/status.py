"""GET /v1/status: what the server is doing now, for people and their tools."""

from fastapi import APIRouter

from optiq_server.api.services import Services
from optiq_server.engine.stats import EngineStatus, RunningSequence
from optiq_server.schema.status import (
    CacheStatus,
    LimitsStatus,
    MemoryStatus,
    ModelStatus,
    QueueStatus,
    SequenceStatus,
    ServerStatus,
)


def status_router(services: Services) -> APIRouter:
    """Answered at any time, the model loaded or not."""
    router = APIRouter(tags=["observability"])

    @router.get("/v1/status")
    async def read_status() -> ServerStatus:
        return _status(services, services.engine.status)

    return router


def _status(services: Services, status: EngineStatus) -> ServerStatus:
    snapshot, backend = status.snapshot, status.snapshot.backend
    return ServerStatus(
        version=services.version,
        state=status.state,
        uptime_seconds=round(status.uptime, 3),
        model=_model(services.served.name, status),
        queue=QueueStatus(waiting=snapshot.waiting, limit=status.limits.max_waiting),
        running=[_sequence(each, status.now) for each in snapshot.running],
        cache=CacheStatus(
            entries=backend.cache_entries,
            bytes=backend.cache_bytes,
            capacity_bytes=backend.cache_capacity_bytes,
        ),
        memory=MemoryStatus(
            active_bytes=backend.active_memory_bytes,
            peak_bytes=backend.peak_memory_bytes,
            pooled_bytes=backend.pooled_memory_bytes,
        ),
        limits=LimitsStatus(
            max_running=status.limits.max_running,
            max_waiting=status.limits.max_waiting,
            time_limit_seconds=services.time_limit,
        ),
    )


def _model(name: str, status: EngineStatus) -> ModelStatus | None:
    model = status.model
    if model is None:
        return None
    return ModelStatus(
        id=name,
        architecture=model.architecture,
        context_length=model.context_length,
        vocabulary_size=model.vocabulary_size,
        weight_bytes=model.weight_bytes,
    )


def _sequence(sequence: RunningSequence, now: float) -> SequenceStatus:
    return SequenceStatus(
        request_id=sequence.request_id,
        age_seconds=round(now - sequence.queued_at, 3),
        prompt_tokens=sequence.prompt_tokens,
        computed_tokens=sequence.computed_tokens,
        cached_tokens=sequence.cached_tokens,
        completion_tokens=sequence.completion_tokens,
    )
