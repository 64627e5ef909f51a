"""GET /health: whether the engine works. GET /ready: whether it takes requests."""

from typing import Literal, assert_never

from fastapi import APIRouter, Response

from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineState
from optiq_server.schema.models import Health


def health_router(engine: Engine) -> APIRouter:
    """200 or 503; the body names the state. They differ while running replies are finished before a stop."""
    router = APIRouter(tags=["health"])

    @router.get("/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        return _answer(response, {EngineState.READY, EngineState.DRAINING})

    @router.get("/ready", responses={503: {"model": Health}})
    async def ready(response: Response) -> Health:
        return _answer(response, {EngineState.READY})

    def _answer(response: Response, well: set[EngineState]) -> Health:
        if engine.state not in well:
            response.status_code = 503
        return Health(status=_word(engine.state))

    return router


def _word(state: EngineState) -> Literal["ok", "loading", "draining", "failed", "stopped"]:
    match state:
        case EngineState.READY:
            return "ok"
        case EngineState.LOADING:
            return "loading"
        case EngineState.DRAINING:
            return "draining"
        case EngineState.FAILED:
            return "failed"
        case EngineState.STOPPED:
            return "stopped"
        case _:
            assert_never(state)
