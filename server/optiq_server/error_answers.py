"""Errors as answers, in the form that the path's clients read: OpenAI's, or Anthropic's at its paths."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from optiq_server.api.failures import internal_failure
from optiq_server.errors import ApiError, InvalidRequest, MethodNotAllowed, NotFound
from optiq_server.schema.anthropic_errors import anthropic_error_body
from optiq_server.schema.errors import error_body

_ANTHROPIC_PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})


class ErrorAnswers:
    """Answers whatever a route raises. `new_id` gives the ids by which Anthropic's clients report one."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id

    def add_to(self, app: FastAPI) -> None:
        app.add_exception_handler(ApiError, self._on_api_error)
        app.add_exception_handler(HTTPException, self._on_http_exception)
        app.add_exception_handler(Exception, self._on_fault)

    async def _on_api_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return self._answer(request, error)

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
        return self._answer(request, answer, dict(error.headers or {}))

    async def _on_fault(self, request: Request, error: Exception) -> Response:
        """A fault of ours. Starlette raises it again once this is sent, and uvicorn logs it."""
        return self._answer(request, internal_failure())

    def _answer(self, request: Request, error: ApiError, headers: dict[str, str] | None = None) -> Response:
        told = dict(headers or {})
        if error.retry_after is not None:
            told["Retry-After"] = str(error.retry_after)
        if request.url.path not in _ANTHROPIC_PATHS:
            return JSONResponse(error_body(error), status_code=error.status, headers=told)
        told["request-id"] = self._new_id("req_")
        body = anthropic_error_body(error, told["request-id"])
        return JSONResponse(body, status_code=error.status, headers=told)
