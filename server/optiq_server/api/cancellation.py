"""POST /v1/requests/{id}/cancel: ends a reply that somebody else waits for."""

from fastapi import APIRouter, Depends

from optiq_server.api.lab_guard import own_pages_only
from optiq_server.engine.engine import Engine
from optiq_server.errors import NotFound
from optiq_server.schema.cancellation import CancelledRequest


def cancellation_router(engine: Engine) -> APIRouter:
    """The route. A request is named by its `x-request-id`, as `/v1/status` tells it."""
    router = APIRouter(tags=["observability"])

    @router.post("/v1/requests/{request_id}/cancel", dependencies=[Depends(own_pages_only)])
    async def cancel_request(request_id: str) -> CancelledRequest:
        if not engine.cancel(request_id):
            raise NotFound(
                f"no request {request_id!r} runs or waits; GET /v1/status lists those that run",
                param="request_id",
                code="request_not_found",
            )
        return CancelledRequest(id=request_id)

    return router
