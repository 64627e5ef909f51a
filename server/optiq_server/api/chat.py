"""POST /v1/chat/completions: one job, answered as a stream or as one body."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from optiq_server.api.answers import streamed, whole
from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.served_model import system_fingerprint
from optiq_server.api.services import Services
from optiq_server.api.turn import WholeReply, begin, require_model
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import ErrorBody
from optiq_server.translate.chat_reply import ChatChunks, JsonObject, ReplyHead, chat_completion
from optiq_server.translate.chat_request import ChatRequest, chat_request
from optiq_server.translate.tools import custom_names


def chat_router(services: Services) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/chat/completions",
        response_model=None,
        openapi_extra=documented(ChatCompletionRequest),
        responses={400: {"model": ErrorBody}},
    )
    async def create_chat_completion(request: Request) -> Response:
        body = parse_as(ChatCompletionRequest, await read_json_body(request))
        services.served.require(body.model)
        asked = chat_request(body)
        wire = _wire(services, asked)
        turn = await begin(services, asked.job, wire.head.id)
        if asked.stream:
            return streamed(turn, wire.chunks())
        return await whole(turn, request, wire.body)

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
            legacy_calls=self.request.legacy_calls,
        )

    def body(self, replies: Sequence[WholeReply]) -> JsonObject:
        choices = [(each.pieces, each.finished) for each in replies]
        return chat_completion(
            self.head,
            choices,
            new_call_id=self.new_call_id,
            token_bytes=self.token_bytes,
            custom_tools=self.custom_tools,
            legacy_calls=self.request.legacy_calls,
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
