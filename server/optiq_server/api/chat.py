"""POST /v1/chat/completions: one job, answered as a stream or as one body."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from optiq_server.api.body import read_json_body
from optiq_server.api.failures import internal_failure, of_end
from optiq_server.api.served_model import system_fingerprint
from optiq_server.api.services import Services
from optiq_server.api.turn import CLIENT_CLOSED_REQUEST, Turn, WholeReply, begin, require_model
from optiq_server.disconnect import on_disconnect
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import ErrorBody, error_body, invalid_request
from optiq_server.sse import DONE, EventStream, event
from optiq_server.translate.chat_reply import ChatChunks, JsonObject, ReplyHead, chat_completion
from optiq_server.translate.chat_request import ChatRequest, chat_request
from optiq_server.translate.reply import Failed, Finished
from optiq_server.translate.tools import custom_names

_BODY_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ChatCompletionRequest.model_json_schema()}},
    }
}


def chat_router(services: Services) -> APIRouter:
    """The route. The body is read by hand, so that its size, type and errors are ours."""
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/chat/completions",
        response_model=None,
        openapi_extra=_BODY_SCHEMA,
        responses={400: {"model": ErrorBody}},
    )
    async def create_chat_completion(request: Request) -> Response:
        asked = _parse(await read_json_body(request))
        wire = _wire(services, asked)
        turn = await begin(services, asked.job, wire.head.id)
        if asked.stream:
            fault = event(error_body(internal_failure())) + DONE
            return EventStream(_frames(turn, wire.chunks()), on_gone=turn.cancel, fault=fault)
        return await _whole(turn, wire, request)

    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wire:
    """How one chat's reply is written."""

    request: ChatRequest
    head: ReplyHead
    new_id: Callable[[str], str]
    token_bytes: Callable[[int], bytes]

    @property
    def custom_tools(self) -> frozenset[str]:
        return custom_names(self.request.job.structure.tools)

    def new_call_id(self) -> str:
        return self.new_id("call_")

    def chunks(self) -> ChatChunks:
        return ChatChunks(
            self.head,
            new_call_id=self.new_call_id,
            token_bytes=self.token_bytes,
            include_usage=self.request.include_usage,
            custom_tools=self.custom_tools,
        )

    def body(self, replies: Sequence[WholeReply]) -> JsonObject:
        choices = [(each.pieces, each.finished) for each in replies]
        return chat_completion(
            self.head,
            choices,
            new_call_id=self.new_call_id,
            token_bytes=self.token_bytes,
            custom_tools=self.custom_tools,
        )


def _wire(services: Services, request: ChatRequest) -> _Wire:
    model = require_model(services)
    head = ReplyHead(
        id=services.new_id("chatcmpl-"),
        created=services.clock(),
        model=services.served.name,
        system_fingerprint=system_fingerprint(services.version, model),
    )
    return _Wire(request=request, head=head, new_id=services.new_id, token_bytes=services.dialect.token_bytes)


def _parse(body: bytes) -> ChatRequest:
    try:
        return chat_request(ChatCompletionRequest.model_validate_json(body))
    except ValidationError as error:
        raise invalid_request(error) from error


async def _frames(turn: Turn, chunks: ChatChunks) -> AsyncGenerator[bytes, None]:
    """One frame for each hand-over of the engine: as few writes as the engine makes steps."""
    running = turn.size
    async with aclosing(turn.news()) as news:
        async for told in news:
            frame = b"".join(event(chunk) for chunk in chunks.of(told.index, told.pieces))
            match told.outcome:
                case None:
                    yield frame
                    continue
                case Failed(reason=reason):
                    yield frame + event(error_body(of_end(reason))) + DONE
                    return
                case Finished():
                    frame += b"".join(event(chunk) for chunk in chunks.end(told.index, told.outcome))
            running -= 1
            if running:
                yield frame
                continue
            yield frame + b"".join(event(chunk) for chunk in chunks.closing()) + DONE


async def _whole(turn: Turn, wire: _Wire, request: Request) -> Response:
    async with on_disconnect(request.receive, turn.cancel):
        replies = await turn.whole()
    if replies is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return JSONResponse(wire.body(replies))
