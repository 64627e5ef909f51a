"""POST /v1/messages and /v1/messages/count_tokens: Anthropic's API, whose streams name their events."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from functools import partial

from fastapi import APIRouter, Request, Response

from optiq_server.api.answers import Json, whole
from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.failures import internal_failure, of_end
from optiq_server.api.services import Services
from optiq_server.api.turn import Turn, WholeReply, begin, render
from optiq_server.engine.errors import PromptTooLong
from optiq_server.errors import ApiError, InvalidRequest
from optiq_server.request_context import current_request_id
from optiq_server.schema.anthropic import CountTokensRequest, MessagesRequest, TokensCounted
from optiq_server.schema.anthropic_errors import AnthropicErrorBody, anthropic_error_body
from optiq_server.sse import EventStream, event
from optiq_server.translate.anthropic_reply import JsonObject, MessageEvents, MessageHead, message
from optiq_server.translate.anthropic_request import messages_request, prompt_job
from optiq_server.translate.job import Job
from optiq_server.translate.reply import Failed, Finished


def anthropic_router(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["messages"], responses={400: {"model": AnthropicErrorBody}})

    @router.post("/v1/messages", response_model=None, openapi_extra=documented(MessagesRequest))
    async def create_message(request: Request) -> Response:
        body = parse_as(MessagesRequest, await read_json_body(request))
        services.served.require(body.model)
        asked = messages_request(body)
        head = MessageHead(id=services.new_id("msg_"), model=services.served.name)
        turn = await _begin(services, asked.job, head.id)
        new_call_id = partial(services.new_id, "toolu_")
        if asked.stream:
            return _streamed(turn, MessageEvents(head, new_call_id=new_call_id))

        def written(replies: Sequence[WholeReply]) -> JsonObject:
            return message(head, replies[0].pieces, replies[0].finished, new_call_id=new_call_id)

        return await whole(turn, request, written)

    @router.post("/v1/messages/count_tokens", openapi_extra=documented(CountTokensRequest))
    async def count_tokens(request: Request) -> TokensCounted:
        body = parse_as(CountTokensRequest, await read_json_body(request))
        services.served.require(body.model)
        return TokensCounted(input_tokens=len(render(services, prompt_job(body)).ids))

    return router


async def _begin(services: Services, job: Job, request_id: str) -> Turn:
    """Raises ApiError. A prompt that is too long is told in Anthropic's words, by which clients know it."""
    try:
        return await begin(services, job, request_id)
    except ApiError as error:
        if not isinstance(error.__cause__, PromptTooLong):
            raise
        cause = error.__cause__
        raise InvalidRequest(
            f"prompt is too long: {cause.prompt_tokens} tokens > {cause.context_length} maximum",
            param=error.param,
            code=error.code,
        ) from cause


def _streamed(turn: Turn, events: MessageEvents) -> EventStream:
    fault = _named([anthropic_error_body(internal_failure(), current_request_id())])
    return EventStream(_frames(turn, events), on_gone=turn.cancel, fault=fault)


async def _frames(turn: Turn, events: MessageEvents) -> AsyncGenerator[bytes, None]:
    """One frame for each hand-over of the engine: as few writes as the engine makes steps."""
    yield _named(events.begin(turn.prompt_tokens))
    async with aclosing(turn.news()) as news:
        async for told in news:
            frame = _named(events.of(told.pieces))
            match told.outcome:
                case None:
                    yield frame
                case Failed(reason=reason):
                    yield frame + _named([anthropic_error_body(of_end(reason), current_request_id())])
                case Finished():
                    yield frame + _named(events.end(told.outcome))


def _named(events: Iterable[Json]) -> bytes:
    """Each event by its type."""
    return b"".join(event(each, name=str(each["type"])) for each in events)
