"""GET /v1/models and /v1/models/{id}: the one served model."""

from fastapi import APIRouter

from optiq_server.api.served_model import ServedModel
from optiq_server.schema.models import Model, ModelList


def models_router(served: ServedModel) -> APIRouter:
    """The routes that list `served`."""
    router = APIRouter(tags=["models"])
    model = Model(id=served.name, created=served.created)

    @router.get("/v1/models")
    async def list_models() -> ModelList:
        return ModelList(data=[model])

    # A hub repository's name has a slash in it.
    @router.get("/v1/models/{model_id:path}")
    async def retrieve_model(model_id: str) -> Model:
        served.require_exactly(model_id)
        return model

    return router
