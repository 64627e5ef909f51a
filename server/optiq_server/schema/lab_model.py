"""The body of GET /v1/lab/model."""

from typing import Any

from pydantic import BaseModel


class UnitBody(BaseModel):
    """One module's weights; `kld` is what its format costs by itself, in nats, where that was measured."""

    path: str
    role: str
    layer: int | None
    parameters: int
    format: str
    bits: float
    bytes: int
    decode_bytes: int
    kld: float | None


class BaselineBody(BaseModel):
    """What the weights would take otherwise."""

    name: str
    bytes: int


class MemoryBody(BaseModel):
    """Bytes that this machine has left, null where it does not tell."""

    available_bytes: int | None


class LabModel(BaseModel):
    """What is served. Of a model in a form of its own there are no units; the rest is told all the same."""

    id: str
    folder_name: str | None
    architecture: str
    context_length: int
    vocabulary_size: int
    weight_bytes: int
    kv_bytes_per_1000_tokens: int | None
    kv_window_bytes: int | None
    memory: MemoryBody
    layers: int
    units: list[UnitBody]
    other_bytes: int
    bits_per_weight: float | None
    baselines: list[BaselineBody]
    plan: dict[str, Any] | None
