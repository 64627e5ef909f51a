"""POST /v1/chat/completions: one job, answered as a stream or as one body."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from optiq_server.api.body import read_json_body
from optiq_server.api.failures import internal_failure, of_end, of_refusal
from optiq_server.api.served_model import system_fingerprint
from optiq_server.api.services import Services
from optiq_server.dialect.protocol import UnrenderableConversation, UnsupportedStructure
from optiq_server.disconnect import on_disconnect
from optiq_server.engine.constraint import Constraint
from optiq_server.engine.engine import Generation
from optiq_server.engine.errors import EngineError, NotReady
from optiq_server.engine.types import Ended, EndReason, GenerationRequest, Tokens
from optiq_server.errors import InternalFailure, InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import ErrorBody, error_body, invalid_request
from optiq_server.sse import DONE, EventStream, event
from optiq_server.translate.chat_reply import ChatChunks, ReplyHead, chat_completion
from optiq_server.translate.chat_request import ChatJob, chat_job
from optiq_server.translate.reply import Failed, Outcome, Piece, Reply
from optiq_server.translate.structure import refusal_of

logger = logging.getLogger(__name__)

_CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a reply that nobody waits for; only logs and tests see it."""

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
        job = _parse(await read_json_body(request))
        turn = await _begin(services, job)
        if job.stream:
            return _stream(turn)
        return await _whole(turn, request)

    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A job that the engine has taken."""

    services: Services
    job: ChatJob
    head: ReplyHead
    generation: Generation

    def new_call_id(self) -> str:
        return self.services.new_id("call_")

    def new_reply(self) -> Reply:
        return Reply(parser=self.services.dialect.parser(), stop_strings=self.job.stop_strings)


def _parse(body: bytes) -> ChatJob:
    try:
        return chat_job(ChatCompletionRequest.model_validate_json(body))
    except ValidationError as error:
        raise invalid_request(error) from error


async def _begin(services: Services, job: ChatJob) -> _Turn:
    """Render, constrain and submit. Raises ApiError, and then nothing was queued."""
    model = services.engine.model
    if model is None:
        raise of_refusal(NotReady(services.engine.state.value))
    head = ReplyHead(
        id=services.new_id("chatcmpl-"),
        created=services.clock(),
        model=services.served.name,
        system_fingerprint=system_fingerprint(services.version, model),
    )
    try:
        prompt = services.dialect.render(job.conversation)
        constraint = await _constraint(services, job)
        generation = services.engine.submit(
            GenerationRequest(
                request_id=head.id,
                prompt=prompt.ids,
                boundaries=prompt.boundaries,
                stop_tokens=services.dialect.stop_tokens,
                max_tokens=job.max_tokens,
                sampling=job.sampling,
                time_limit=services.time_limit,
                constraint=constraint,
            )
        )
    except UnrenderableConversation as error:
        # The conversation's indexes are not the request's: messages that say nothing were left out.
        part = error.field.partition("[")[0]
        raise InvalidRequest(error.reason, param=part, code="invalid_value") from error
    except EngineError as error:
        answer = of_refusal(error)
        level = logging.ERROR if isinstance(answer, InternalFailure) else logging.INFO
        logger.log(level, "%s was not taken: %s", head.id, error)
        raise answer from error
    return _Turn(services=services, job=job, head=head, generation=generation)


async def _constraint(services: Services, job: ChatJob) -> Constraint | None:
    """What the reply is held to, compiled beside the event loop. Raises InvalidRequest."""
    if job.structure.is_free:
        return None
    try:
        return await asyncio.to_thread(services.dialect.constraint, job.structure)
    except UnsupportedStructure as error:
        raise refusal_of(error, job.tool_positions) from error


def _stream(turn: _Turn) -> EventStream:
    fault = event(error_body(internal_failure())) + DONE
    return EventStream(_frames(turn), on_gone=turn.generation.cancel, fault=fault)


async def _frames(turn: _Turn) -> AsyncGenerator[bytes, None]:
    """One frame for each hand-over of the engine: as few writes as the engine makes steps."""
    reply = turn.new_reply()
    chunks = ChatChunks(turn.head, new_call_id=turn.new_call_id, include_usage=turn.job.include_usage)
    opening = event(chunks.opening())
    async with turn.generation as generation:
        async for news in generation:
            match news:
                case Tokens():
                    pieces = reply.read(news)
                    if reply.is_stopped:
                        generation.cancel()
                    if pieces:
                        yield opening + b"".join(event(chunks.of(piece)) for piece in pieces)
                        opening = b""
                case Ended():
                    pieces, outcome = reply.end(news)
                    _log(turn.head.id, reply, outcome)
                    yield _last_frame(chunks, opening, pieces, outcome)


def _last_frame(chunks: ChatChunks, opening: bytes, pieces: list[Piece], outcome: Outcome) -> bytes:
    rest = b"".join(event(chunks.of(piece)) for piece in pieces)
    if isinstance(outcome, Failed):
        # An error that comes first is told alone: no message was begun.
        begun = opening + rest if rest else b""
        return begun + event(error_body(of_end(outcome.reason))) + DONE
    return opening + rest + b"".join(map(event, chunks.closing(outcome))) + DONE


async def _whole(turn: _Turn, request: Request) -> Response:
    reply = turn.new_reply()
    async with on_disconnect(request.receive, turn.generation.cancel):
        pieces, outcome = await _collect(turn.generation, reply)
    _log(turn.head.id, reply, outcome)
    if isinstance(outcome, Failed):
        if outcome.reason is EndReason.CANCELLED:
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        raise of_end(outcome.reason)
    return JSONResponse(chat_completion(turn.head, pieces, outcome, new_call_id=turn.new_call_id))


async def _collect(generation: Generation, reply: Reply) -> tuple[list[Piece], Outcome]:
    pieces: list[Piece] = []
    async with generation:
        async for news in generation:
            match news:
                case Tokens():
                    pieces += reply.read(news)
                    if reply.is_stopped:
                        generation.cancel()
                case Ended():
                    rest, outcome = reply.end(news)
                    return pieces + rest, outcome
    raise RuntimeError("the engine ended a generation without saying how")


def _log(request_id: str, reply: Reply, outcome: Outcome) -> None:
    if isinstance(outcome, Failed):
        level = logging.ERROR if outcome.reason is EndReason.FAULT else logging.INFO
        logger.log(level, "%s broke off: %s %s", request_id, outcome.reason, outcome.detail)
    for fault in reply.faults:
        logger.info("%s departed from harmony: %s: %s", request_id, fault.kind, fault.detail)
