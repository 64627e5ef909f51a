"""Errors as answers, in the form that the path's clients read: OpenAI's, or Anthropic's at its paths."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from optiq_server.api.failures import internal_failure
from optiq_server.errors import ApiError, InvalidRequest, MethodNotAllowed, NotFound
from optiq_server.request_context import current_request_id
from optiq_server.schema.anthropic_errors import anthropic_error_body
from optiq_server.schema.errors import error_body

_ANTHROPIC_PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})


class ErrorAnswers:
    """Answers whatever a route raises."""

    def add_to(self, app: FastAPI) -> None:
        app.add_exception_handler(ApiError, self._on_api_error)
        app.add_exception_handler(HTTPException, self._on_http_exception)
        app.add_exception_handler(Exception, self._on_fault)

    async def _on_api_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return error_answer(request, error)

    async def _on_http_exception(self, request: Request, error: Exception) -> Response:
        """What the router itself refuses: no such path, or a path that exists for another method."""
        if not isinstance(error, HTTPException):
            raise error
        path = request.url.path
        match error.status_code:
            case 404:
                answer: ApiError = NotFound(f"there is nothing at {path}", code="unknown_url")
            case 405:
                answer = MethodNotAllowed(f"{path} does not take {request.method}", code="method_not_allowed")
            case _:
                answer = InvalidRequest(str(error.detail))
        return error_answer(request, answer, dict(error.headers or {}))

    async def _on_fault(self, request: Request, error: Exception) -> Response:
        """A fault of ours. Starlette raises it again once this is sent, and uvicorn logs it."""
        return error_answer(request, internal_failure())


def error_answer(request: Request, error: ApiError, headers: dict[str, str] | None = None) -> Response:
    """The answer to a request that failed with `error`."""
    told = dict(headers or {})
    if error.retry_after is not None:
        told["Retry-After"] = str(error.retry_after)
    if request.url.path not in _ANTHROPIC_PATHS:
        return JSONResponse(error_body(error), status_code=error.status, headers=told)
    # By which Anthropic's clients report an error; all answers have the same as x-request-id.
    request_id = current_request_id()
    if request_id is not None:
        told["request-id"] = request_id
    return JSONResponse(anthropic_error_body(error, request_id), status_code=error.status, headers=told)
