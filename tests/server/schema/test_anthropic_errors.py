"""Which of Anthropic's errors each of ours is."""

import pytest

from optiq_server.errors import (
    ApiError,
    InternalFailure,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    TimedOut,
    Unavailable,
    UnsupportedMediaType,
)
from optiq_server.schema.anthropic_errors import AnthropicErrorBody, anthropic_error_body


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (InvalidRequest("x"), "invalid_request_error"),
        (NotFound("x"), "not_found_error"),
        (MethodNotAllowed("x"), "invalid_request_error"),
        (PayloadTooLarge("x"), "request_too_large"),
        (UnsupportedMediaType("x"), "invalid_request_error"),
        (Overloaded("x"), "rate_limit_error"),
        (InternalFailure("x"), "api_error"),
        (Unavailable("x"), "overloaded_error"),
        (TimedOut("x"), "timeout_error"),
    ],
)
def test_each_error_has_its_type(error: ApiError, name: str) -> None:
    body = AnthropicErrorBody.model_validate(anthropic_error_body(error, "req_1"))

    assert (body.error.type, body.error.message, body.request_id) == (name, "x", "req_1")
