"""GET /v1/lab/connect: what each client needs, with the address by which this server was asked."""

from fastapi import APIRouter, Request

from optiq_server.api.services import Services
from optiq_server.api.turn import require_model
from optiq_server.connect.catalogue import recipes
from optiq_server.connect.recipe import Target
from optiq_server.errors import InvalidRequest
from optiq_server.schema.connect import ClientList, client_body


def connect_router(services: Services) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["lab"])

    @router.get("/v1/lab/connect")
    async def list_clients(request: Request) -> ClientList:
        model = require_model(services)
        try:
            target = Target(
                base_url=f"{request.url.scheme}://{request.url.netloc}",
                model=services.served.name,
                context_length=model.context_length,
                needs_key=services.has_key,
            )
        except ValueError as error:
            # Snippets are pasted into shells: what is no plain host has no place in them.
            raise InvalidRequest(f"the header 'Host': {error}", code="invalid_value") from error
        return ClientList(clients=[client_body(recipe) for recipe in recipes(target)])

    return router
