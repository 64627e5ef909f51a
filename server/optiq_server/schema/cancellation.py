"""The body that POST /v1/requests/{id}/cancel answers with."""

from typing import Literal

from pydantic import BaseModel


class CancelledRequest(BaseModel):
    """Its replies end within one step of the engine."""

    id: str
    cancelled: Literal[True] = True
