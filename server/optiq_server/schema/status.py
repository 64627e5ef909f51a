"""The body of GET /v1/status."""

from pydantic import BaseModel

from optiq_server.engine.types import EngineState


class ModelStatus(BaseModel):
    """What is loaded; `context_length` counts prompt and reply together."""

    id: str
    architecture: str
    context_length: int
    vocabulary_size: int
    weight_bytes: int


class QueueStatus(BaseModel):
    """Those who wait, and how many may."""

    waiting: int
    limit: int


class SequenceStatus(BaseModel):
    """One reply on its way. `computed_tokens` of its prompt are in memory, `cached_tokens` from before."""

    request_id: str
    age_seconds: float
    prompt_tokens: int
    computed_tokens: int
    cached_tokens: int
    completion_tokens: int


class CacheStatus(BaseModel):
    """What is kept of prompts that are over."""

    entries: int
    bytes: int
    capacity_bytes: int


class MemoryStatus(BaseModel):
    """The device's memory: in use, the most that was, and freed but kept."""

    active_bytes: int
    peak_bytes: int
    pooled_bytes: int


class LimitsStatus(BaseModel):
    """What bounds every request."""

    max_running: int
    max_waiting: int
    time_limit_seconds: float


class ServerStatus(BaseModel):
    """The server at one moment; the engine's figures are a quarter of a second or a step old."""

    version: str
    state: EngineState
    uptime_seconds: float
    model: ModelStatus | None
    queue: QueueStatus
    running: list[SequenceStatus]
    cache: CacheStatus
    memory: MemoryStatus
    limits: LimitsStatus
