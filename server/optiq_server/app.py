"""The application: routes, error answers, and the engine's life bound to the server's. No CORS, no web pages.

FastAPI's documentation pages load their scripts from a CDN, so they are switched off; /openapi.json stays.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from optiq_server.api.chat import chat_router
from optiq_server.api.completions import completions_router
from optiq_server.api.failures import internal_failure
from optiq_server.api.health import health_router
from optiq_server.api.models import models_router
from optiq_server.api.services import Services
from optiq_server.api.tokenization import tokenization_router
from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineState
from optiq_server.errors import ApiError, InvalidRequest, MethodNotAllowed, NotFound
from optiq_server.schema.errors import error_body
from optiq_server.sse import leave_shutdown_to_the_server


def create_app(services: Services) -> FastAPI:
    """The ASGI application over these services. It starts the engine, and stops it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.engine.start()
        yield
        await stop_engine(services.engine)

    leave_shutdown_to_the_server()
    app = FastAPI(title="OptiQ", version=services.version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(chat_router(services))
    app.include_router(completions_router(services))
    app.include_router(tokenization_router(services))
    app.include_router(models_router(services.served))
    app.include_router(health_router(services.engine))
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_fault)
    return app


async def stop_engine(engine: Engine) -> None:
    """End every reply and free the model.

    Weights that are still loading cannot be interrupted, and are not waited for: the process ends.
    """
    if engine.state is not EngineState.LOADING:
        await engine.stop()


async def _on_api_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return _answer(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
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
    return _answer(answer, dict(error.headers or {}))


async def _on_fault(_: Request, error: Exception) -> Response:
    """A fault of ours. Starlette raises it again once this is sent, and uvicorn logs it."""
    return _answer(internal_failure())


def _answer(error: ApiError, headers: dict[str, str] | None = None) -> Response:
    told = dict(headers or {})
    if error.retry_after is not None:
        told["Retry-After"] = str(error.retry_after)
    return JSONResponse(error_body(error), status_code=error.status, headers=told)
