"""Which HTTP error each failure of the engine is. Pure."""

from optiq_server.engine.errors import EngineError, NotReady, PromptTooLong, QueueFull, UnknownBias
from optiq_server.engine.types import EndReason, EngineState
from optiq_server.errors import (
    ApiError,
    Cancelled,
    InternalFailure,
    InvalidRequest,
    Overloaded,
    TimedOut,
    Unavailable,
)

_RETRY_LOADING_SECONDS = 5
"""The pocket model loads within this; large ones take a few rounds."""
_RETRY_BUSY_SECONDS = 1
"""A waiting request is admitted as soon as any reply ends."""


def of_refusal(error: EngineError, *, prompt_field: str = "messages") -> ApiError:
    """The answer to a request that the engine would not queue. `prompt_field` is where its prompt stood."""
    match error:
        case NotReady(state=EngineState.DRAINING | EngineState.STOPPED):
            return of_end(EndReason.SHUTDOWN)
        case NotReady(state=state):
            retry = _RETRY_LOADING_SECONDS if state == EngineState.LOADING else None
            return Unavailable(str(error), code="model_not_ready", retry_after=retry)
        case PromptTooLong(prompt_tokens=prompt_tokens, context_length=context_length, is_cut=is_cut):
            why = " This machine's memory holds no more." if is_cut else ""
            return InvalidRequest(
                f"This model's maximum context length is {context_length} tokens, of which at least one is "
                f"the reply's. However, your {prompt_field} resulted in {prompt_tokens} tokens. "
                f"Please reduce the length of the {prompt_field}.{why}",
                param=prompt_field,
                code="context_length_exceeded",
            )
        case UnknownBias():
            return InvalidRequest(f"'logit_bias': {error}", param="logit_bias", code="invalid_value")
        case QueueFull():
            return Overloaded(str(error), code="queue_full", retry_after=_RETRY_BUSY_SECONDS)
        case _:
            return internal_failure()


def of_end(reason: EndReason) -> ApiError:
    """The answer, or the last event, of a generation that ended without a finish reason."""
    match reason:
        case EndReason.DEADLINE:
            return TimedOut("the reply took longer than this server's time limit", code="timeout")
        case EndReason.SHUTDOWN:
            return Unavailable("the server is shutting down", code="shutting_down")
        case EndReason.CANCELLED:
            return Cancelled("the request was cancelled", code="cancelled")
        case _:
            return internal_failure()


def internal_failure() -> ApiError:
    """A fault whose cause is in the log alone."""
    return InternalFailure("the server failed at this request; its log tells why", code="internal_error")
