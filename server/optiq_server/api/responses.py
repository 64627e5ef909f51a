"""POST /v1/responses: one job, answered as a stream, as one body, or in the background; and kept."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from optiq_server.api.background import BackgroundResponses
from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.failures import internal_failure, of_end
from optiq_server.api.response_history import earlier_items, referred_items
from optiq_server.api.services import Services
from optiq_server.api.truncation import truncated
from optiq_server.api.turn import Told, Turn, begin, require_model
from optiq_server.disconnect import on_disconnect
from optiq_server.engine.types import EndReason
from optiq_server.errors import InvalidRequest
from optiq_server.response_file import StoredResponse
from optiq_server.schema.errors import ErrorBody
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.sse import EventStream, event
from optiq_server.translate.reply import Failed, Finished
from optiq_server.translate.response_input import kept_item, resolved
from optiq_server.translate.response_object import JsonObject, ResponseHead
from optiq_server.translate.responses_reply import ResponseEvents, error_event, whole_response
from optiq_server.translate.responses_request import ResponseJob, response_job


def responses_router(services: Services, background: BackgroundResponses) -> APIRouter:
    """The route. The body is read by hand, so that its size, type and errors are ours."""
    router = APIRouter(tags=["responses"])

    @router.post(
        "/v1/responses",
        response_model=None,
        openapi_extra=documented(ResponsesRequest),
        responses={400: {"model": ErrorBody}},
    )
    async def create_response(request: Request) -> Response:
        making = await _begun(services, parse_as(ResponsesRequest, await read_json_body(request)))
        if making.asked.stream:
            fault = _frame([error_event(internal_failure())])
            return EventStream(_frames(making), on_gone=making.turn.cancel, fault=fault)
        if making.asked.background:
            return await _behind(making, background)
        return await _whole(making, request)

    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """A response that is being made: where its reply comes from, how it is told, what is kept of it."""

    services: Services
    asked: ResponseJob
    head: ResponseHead
    turn: Turn
    events: ResponseEvents
    items: Sequence[JsonObject]
    previous: str | None

    def end(self, told: Told) -> list[JsonObject]:
        """The last events; none as long as there is no outcome."""
        match told.outcome:
            case None:
                return []
            case Finished():
                return self.events.finish(told.outcome, completed=self.services.clock())
            case Failed(reason=reason):
                return self.events.fail(of_end(reason), cancelled=reason is EndReason.CANCELLED)

    async def keep(self) -> None:
        """Store the response as far as it is, where the client wants that and there is a store."""
        if self.asked.store and self.services.store is not None:
            record = StoredResponse(
                id=self.head.id,
                created=self.head.created,
                previous=self.previous,
                response=self.events.response,
                items=list(self.items),
            )
            await self.services.store.put(record)


async def _begun(services: Services, body: ResponsesRequest) -> _Making:
    services.served.require(body.model)
    model = require_model(services)
    earlier = await earlier_items(services.store, body.previous_response_id)
    sent = body.input or []
    items = resolved(sent, await referred_items(services.store, sent))
    asked = response_job(body, earlier=earlier, items=items)
    if asked.background and services.store is None:
        raise InvalidRequest(
            "'background' is true: this server stores no responses, so nobody could get it",
            param="background",
            code="unsupported_value",
        )
    job = asked.job
    if asked.truncates:
        job = truncated(services, job, context_length=model.context_length)
    head = ResponseHead(
        id=services.new_id("resp_"),
        created=services.clock(),
        model=services.served.name,
        repeated=asked.repeated,
    )
    return _Making(
        services=services,
        asked=asked,
        head=head,
        turn=await begin(services, job, head.id),
        events=ResponseEvents(
            head,
            new_id=services.new_id,
            token_bytes=services.dialect.token_bytes,
            tools=asked.tools,
            encrypted_content=asked.encrypted_content,
        ),
        items=[kept_item(item, services.new_id) for item in items],
        previous=body.previous_response_id,
    )


async def _frames(making: _Making) -> AsyncGenerator[bytes, None]:
    """One frame for each hand-over of the engine: as few writes as the engine makes steps."""
    yield _frame(making.events.opening())
    async with aclosing(making.turn.news()) as news:
        async for told in news:
            frame = _frame(making.events.of(told.pieces)) + _frame(making.end(told))
            if told.outcome is not None:
                await making.keep()
            yield frame


async def _whole(making: _Making, request: Request) -> Response:
    async with on_disconnect(request.receive, making.turn.cancel):
        replies = await making.turn.whole()
    reply = replies[0]
    body = whole_response(making.events, reply.pieces, reply.finished, completed=making.services.clock())
    await making.keep()
    return JSONResponse(body)


async def _behind(making: _Making, background: BackgroundResponses) -> Response:
    """Answer at once; whoever asks for the response later gets it from the store."""
    await making.keep()
    background.start(making.head.id, _run(making), cancel=making.turn.cancel)
    return JSONResponse(making.events.response)


async def _run(making: _Making) -> None:
    async with aclosing(making.turn.news()) as news:
        async for told in news:
            making.events.of(told.pieces)
            making.end(told)
    await making.keep()


def _frame(events: Sequence[JsonObject]) -> bytes:
    return b"".join(event(each, str(each["type"])) for each in events)
