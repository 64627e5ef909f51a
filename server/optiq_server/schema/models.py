"""The bodies of GET /v1/models, GET /health and GET /ready."""

from typing import Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A served model; `created` is the second at which the server started."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "optiq"


class ModelList(BaseModel):
    """All served models: one."""

    object: Literal["list"] = "list"
    data: list[Model]


class Health(BaseModel):
    """`ok`, or the state that the engine is in otherwise."""

    status: Literal["ok", "loading", "draining", "failed", "stopped"]
