"""The application: routes, and the engine's life bound to the server's. No CORS; one page, of its own.

FastAPI's documentation pages load their scripts from a CDN, so they are switched off; /openapi.json stays.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from optiq_server.access import AccessLog
from optiq_server.api.anthropic import anthropic_router
from optiq_server.api.background import BackgroundResponses
from optiq_server.api.cancellation import cancellation_router
from optiq_server.api.chat import chat_router
from optiq_server.api.completions import completions_router
from optiq_server.api.connect import connect_router
from optiq_server.api.health import health_router
from optiq_server.api.jobs import jobs_router
from optiq_server.api.lab import Lab
from optiq_server.api.lab_model import lab_model_router
from optiq_server.api.lab_page import lab_page_router
from optiq_server.api.lab_tokens import lab_tokens_router
from optiq_server.api.metrics import metrics_router
from optiq_server.api.models import models_router
from optiq_server.api.responses import responses_router
from optiq_server.api.services import Services, random_id
from optiq_server.api.status import status_router
from optiq_server.api.stored_responses import stored_responses_router
from optiq_server.api.tokenization import tokenization_router
from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineState
from optiq_server.error_answers import ErrorAnswers
from optiq_server.key_gate import KeyGate
from optiq_server.metrics import Metrics
from optiq_server.sse import leave_shutdown_to_the_server


def create_app(services: Services, lab: Lab | None = None) -> ASGIApp:
    """The ASGI application over these services. It starts the engine, and ends it, the jobs and the store."""
    lab = lab or Lab()
    metrics = Metrics()
    background = BackgroundResponses()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.engine.start(metrics)
        yield
        if lab.workshop is not None:
            await lab.workshop.registry.close()
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
    app.include_router(metrics_router(services.engine, metrics))
    app.include_router(status_router(services))
    app.include_router(cancellation_router(services.engine))
    _add_lab(app, services, lab)
    ErrorAnswers().add_to(app)
    gated: ASGIApp = app if services.api_key is None else KeyGate(app=app, key=services.api_key)
    # Around everything, the answer to a fault of ours included, which no middleware of FastAPI's sees.
    return AccessLog(app=gated, metrics=metrics, new_id=lambda: random_id("req_"))


def _add_lab(app: FastAPI, services: Services, lab: Lab) -> None:
    app.include_router(lab_page_router(lab.site))
    app.include_router(lab_model_router(services, lab))
    app.include_router(lab_tokens_router(services))
    app.include_router(connect_router(services))
    if lab.workshop is not None:
        app.include_router(jobs_router(lab.workshop, has_key=services.has_key))


async def drain_engine(engine: Engine, seconds: float) -> None:
    """Let running replies finish within so many seconds, then stop."""
    await engine.drain(seconds)
    await stop_engine(engine)


async def stop_engine(engine: Engine) -> None:
    """End every reply and free the model.

    Weights that are still loading cannot be interrupted, and are not waited for: the process ends.
    """
    if engine.state is not EngineState.LOADING:
        await engine.stop()
