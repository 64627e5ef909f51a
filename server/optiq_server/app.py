"""The application: routes, and the engine's life bound to the server's. No CORS, no web pages.

FastAPI's documentation pages load their scripts from a CDN, so they are switched off; /openapi.json stays.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from optiq_server.api.anthropic import anthropic_router
from optiq_server.api.background import BackgroundResponses
from optiq_server.api.chat import chat_router
from optiq_server.api.completions import completions_router
from optiq_server.api.health import health_router
from optiq_server.api.models import models_router
from optiq_server.api.responses import responses_router
from optiq_server.api.services import Services
from optiq_server.api.stored_responses import stored_responses_router
from optiq_server.api.tokenization import tokenization_router
from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineState
from optiq_server.error_answers import ErrorAnswers
from optiq_server.sse import leave_shutdown_to_the_server


def create_app(services: Services) -> FastAPI:
    """The ASGI application over these services. It starts the engine, and stops it; it closes the store."""
    background = BackgroundResponses()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.engine.start()
        yield
        await stop_engine(services.engine)
        await background.finish()
        if services.store is not None:
            await services.store.close()

    leave_shutdown_to_the_server()
    app = FastAPI(title="OptiQ", version=services.version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(chat_router(services))
    app.include_router(completions_router(services))
    app.include_router(tokenization_router(services))
    app.include_router(anthropic_router(services))
    app.include_router(responses_router(services, background))
    app.include_router(stored_responses_router(services, background))
    app.include_router(models_router(services.served))
    app.include_router(health_router(services.engine))
    ErrorAnswers(services.new_id).add_to(app)
    return app


async def stop_engine(engine: Engine) -> None:
    """End every reply and free the model.

    Weights that are still loading cannot be interrupted, and are not waited for: the process ends.
    """
    if engine.state is not EngineState.LOADING:
        await engine.stop()
