"""GET /metrics: figures for Prometheus."""

from fastapi import APIRouter, Response

from optiq_server.engine.engine import Engine
from optiq_server.metrics import CONTENT_TYPE, Metrics


def metrics_router(engine: Engine, metrics: Metrics) -> APIRouter:
    """The page as it is now."""
    router = APIRouter(tags=["observability"])

    @router.get("/metrics", response_class=Response)
    async def read_metrics() -> Response:
        return Response(metrics.exposition(engine.status), media_type=CONTENT_TYPE)

    return router
