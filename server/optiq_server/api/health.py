"""GET /health: whether requests are answered now."""

from typing import Literal, assert_never

from fastapi import APIRouter, Response

from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineState
from optiq_server.schema.models import Health


def health_router(engine: Engine) -> APIRouter:
    """200 when ready, 503 otherwise; the body names the state."""
    router = APIRouter(tags=["health"])

    @router.get("/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        if engine.state is not EngineState.READY:
            response.status_code = 503
        return Health(status=_word(engine.state))

    return router


def _word(state: EngineState) -> Literal["ok", "loading", "failed", "stopped"]:
    match state:
        case EngineState.READY:
            return "ok"
        case EngineState.LOADING:
            return "loading"
        case EngineState.FAILED:
            return "failed"
        case EngineState.STOPPED:
            return "stopped"
        case _:
            assert_never(state)
