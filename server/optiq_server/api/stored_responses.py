"""GET and DELETE of /v1/responses/{id}, its input items, and the cancelling of one in the background."""

from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from optiq_server.api.background import BackgroundResponses
from optiq_server.api.response_history import stored_chain
from optiq_server.api.services import Services
from optiq_server.errors import InternalFailure, InvalidRequest, NotFound
from optiq_server.response_file import JsonObject, StoredResponse
from optiq_server.response_store import ResponseStore
from optiq_server.schema.errors import invalid_request
from optiq_server.schema.responses import ItemQuery, RetrieveQuery
from optiq_server.translate.item_page import item_page
from optiq_server.translate.response_object import ResponseStatus, failed_response

_Query = TypeVar("_Query", ItemQuery, RetrieveQuery)


def stored_responses_router(services: Services, background: BackgroundResponses) -> APIRouter:
    """The routes. Without a store there is nothing at any of them."""
    router = APIRouter(tags=["responses"])
    stored = _Stored(services.store, background)

    @router.get("/v1/responses/{response_id}", response_model=None)
    async def retrieve_response(response_id: str, request: Request) -> Response:
        _query(RetrieveQuery, request)
        return JSONResponse(await stored.told(response_id))

    @router.delete("/v1/responses/{response_id}", response_model=None)
    async def delete_response(response_id: str) -> Response:
        await stored.delete(response_id)
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})

    @router.get("/v1/responses/{response_id}/input_items", response_model=None)
    async def list_input_items(response_id: str, request: Request) -> Response:
        query = _query(ItemQuery, request)
        return JSONResponse(item_page(await stored.input_items(response_id), query))

    @router.post("/v1/responses/{response_id}/cancel", response_model=None)
    async def cancel_response(response_id: str) -> Response:
        return JSONResponse(await stored.cancel(response_id))

    return router


class _Stored:
    """Stored responses, and which of them are still being made."""

    def __init__(self, store: ResponseStore | None, background: BackgroundResponses) -> None:
        self._store = store
        self._background = background

    async def told(self, response_id: str) -> JsonObject:
        record = await self._record(response_id)
        in_progress = record.response["status"] == ResponseStatus.IN_PROGRESS
        if in_progress and not self._background.is_running(response_id):
            # The server that made it was killed; one that is stopped ends what it makes.
            lost = InternalFailure("the server stopped while it made this response")
            return failed_response(record.response, lost)
        return record.response

    async def delete(self, response_id: str) -> None:
        await self._background.cancel(response_id)
        if self._store is None or not await self._store.delete(response_id):
            raise _not_found(response_id)

    async def input_items(self, response_id: str) -> list[JsonObject]:
        """What the response was made from: all that was said before it, and its own input."""
        record = await self._record(response_id)
        if self._store is None or record.previous is None:
            return record.items
        earlier = await stored_chain(self._store, record.previous)
        return [*earlier.items, *record.items]

    async def cancel(self, response_id: str) -> JsonObject:
        record = await self._record(response_id)
        if not record.response["background"]:
            raise InvalidRequest(
                f"response {response_id!r} is not in the background: only such can be cancelled",
                param="response_id",
                code="invalid_value",
            )
        await self._background.cancel(response_id)
        return await self.told(response_id)

    async def _record(self, response_id: str) -> StoredResponse:
        record = None if self._store is None else await self._store.get(response_id)
        if record is None:
            raise _not_found(response_id)
        return record


def _not_found(response_id: str) -> NotFound:
    return NotFound(
        f"Response with id {response_id!r} not found.", param="response_id", code="response_not_found"
    )


def _query(model: type[_Query], request: Request) -> _Query:
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise invalid_request(error) from error
