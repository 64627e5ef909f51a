"""Anthropic's error object, which clients of its API read."""

from typing import Literal

from pydantic import BaseModel

from optiq_server.errors import (
    ApiError,
    Forbidden,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    TimedOut,
    Unauthorized,
    Unavailable,
)

_TYPES: tuple[tuple[type[ApiError], str], ...] = (
    (Unauthorized, "authentication_error"),
    (Forbidden, "permission_error"),
    (NotFound, "not_found_error"),
    (PayloadTooLarge, "request_too_large"),
    (Overloaded, "rate_limit_error"),
    (Unavailable, "overloaded_error"),
    (TimedOut, "timeout_error"),
)


class AnthropicErrorObject(BaseModel):
    """What clients read; the field at fault is named in the message."""

    type: str
    message: str


class AnthropicErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    type: Literal["error"]
    error: AnthropicErrorObject
    request_id: str | None


def anthropic_error_body(error: ApiError, request_id: str | None) -> dict[str, object]:
    """The JSON of an error, the same in a body and inside a stream."""
    told = {"type": _type(error), "message": error.message}
    return {"type": "error", "error": told, "request_id": request_id}


def _type(error: ApiError) -> str:
    named = next((name for kind, name in _TYPES if isinstance(error, kind)), None)
    if named is not None:
        return named
    return "api_error" if error.status >= 500 else "invalid_request_error"
