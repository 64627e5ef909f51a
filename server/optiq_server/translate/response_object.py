"""The response object: what is known of a response at any time of its life. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from optiq_server.errors import ApiError
from optiq_server.translate.reply import Usage

JsonObject: TypeAlias = dict[str, object]


class ResponseStatus(StrEnum):
    """How far a response is, in OpenAI's words."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """What does not change while a response is made. `created` is in seconds since 1970.

    `repeated` are the fields of the request.
    """

    id: str
    created: int
    model: str
    repeated: JsonObject


def response_object(
    head: ResponseHead,
    *,
    status: ResponseStatus,
    output: Sequence[JsonObject] = (),
    usage: Usage | None = None,
    completed: int | None = None,
    error: ApiError | None = None,
) -> JsonObject:
    """A response that has come so far. An incomplete one was cut at its bound of tokens."""
    is_cut = status is ResponseStatus.INCOMPLETE
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "completed_at": completed,
        "status": status.value,
        "error": None if error is None else _error(error),
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "model": head.model,
        "output": list(output),
        "usage": None if usage is None else _usage(usage),
        **head.repeated,
    }


def failed_response(response: JsonObject, error: ApiError) -> JsonObject:
    """A stored response that was in progress and will never be finished."""
    return {**response, "status": ResponseStatus.FAILED.value, "error": _error(error)}


def _error(error: ApiError) -> JsonObject:
    # OpenAI's codes of a response's error are few; of ours all mean this one.
    return {"code": "server_error", "message": error.message}


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.prompt_tokens,
        # Writing a cache is free here, so no tokens are counted for it.
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
