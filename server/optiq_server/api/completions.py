"""POST /v1/completions: prompts continued as plain text, as a stream or as one body."""

from collections.abc import Callable, Sequence
from functools import partial

from fastapi import APIRouter, Request, Response

from optiq_server.api.answers import streamed, whole
from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.served_model import system_fingerprint
from optiq_server.api.services import Services
from optiq_server.api.turn import WholeReply, begin_text, require_model
from optiq_server.schema.completions import CompletionRequest
from optiq_server.schema.errors import ErrorBody
from optiq_server.translate.completion_reply import CompletionChunks, CompletionHead, JsonObject, completion
from optiq_server.translate.completion_request import CompletionJob, completion_request
from optiq_server.translate.texts import Texts


def completions_router(services: Services) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["completions"])

    @router.post(
        "/v1/completions",
        response_model=None,
        openapi_extra=documented(CompletionRequest),
        responses={400: {"model": ErrorBody}},
    )
    async def create_completion(request: Request) -> Response:
        body = parse_as(CompletionRequest, await read_json_body(request))
        services.served.require(body.model)
        require_model(services)
        asked = completion_request(body, Texts(services.dialect))
        head = _head(services, asked)
        turn = begin_text(services, asked.job, head.id)
        token_bytes = services.dialect.token_bytes
        if asked.stream:
            return streamed(
                turn, CompletionChunks(head, token_bytes=token_bytes, include_usage=asked.include_usage)
            )
        return await whole(turn, request, partial(_body, head, token_bytes))

    return router


def _body(
    head: CompletionHead, token_bytes: Callable[[int], bytes], replies: Sequence[WholeReply]
) -> JsonObject:
    samples = [(each.pieces, each.finished) for each in replies]
    return completion(head, samples, token_bytes=token_bytes)


def _head(services: Services, asked: CompletionJob) -> CompletionHead:
    return CompletionHead(
        id=services.new_id("cmpl-"),
        created=services.clock(),
        model=services.served.name,
        system_fingerprint=system_fingerprint(services.version, require_model(services)),
        prompts=len(asked.job.prompts),
        samples=asked.job.samples,
        echoes=asked.echoes,
    )
