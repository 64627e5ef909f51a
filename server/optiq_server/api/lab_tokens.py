"""POST /v1/lab/render and /v1/lab/parse: what the model reads and writes, token by token.

Only here does a text with `<|end|>` in it become a control token: it is looked at, and never sent to a model.
"""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import StructureError
from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.services import Services
from optiq_server.api.turn import render, require_model
from optiq_server.dialect.protocol import UnrenderableConversation
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import ErrorBody
from optiq_server.schema.lab_tokens import MAX_SHOWN_TOKENS, ParsedReply, ParseRequest, RenderedTokens
from optiq_server.translate.chat_request import chat_request
from optiq_server.translate.texts import Texts
from optiq_server.translate.token_view import parsed_tokens, token_views
from optiq_server.translate.tools import chat_tools


def lab_tokens_router(services: Services) -> APIRouter:
    """The routes. They compute beside the event loop: a whole context takes a second."""
    router = APIRouter(tags=["lab"], responses={400: {"model": ErrorBody}})

    @router.post(
        "/v1/lab/render",
        response_model=None,
        openapi_extra=documented(ChatCompletionRequest),
        responses={200: {"model": RenderedTokens}},
    )
    async def show_prompt(request: Request) -> Response:
        body = parse_as(ChatCompletionRequest, await read_json_body(request))
        services.served.require(body.model)
        return await asyncio.to_thread(_rendered, services, body)

    @router.post(
        "/v1/lab/parse",
        response_model=None,
        openapi_extra=documented(ParseRequest),
        responses={200: {"model": ParsedReply}},
    )
    async def show_reply(request: Request) -> Response:
        body = parse_as(ParseRequest, await read_json_body(request))
        require_model(services)
        return await asyncio.to_thread(_parsed, services, body)

    return router


def _rendered(services: Services, body: ChatCompletionRequest) -> Response:
    ids = _bounded(render(services, chat_request(body).job).ids, field="messages")
    text = Texts(services.dialect).written(ids)
    return JSONResponse({"tokens": token_views(services.dialect, ids), "text": text})


def _parsed(services: Services, body: ParseRequest) -> Response:
    dialect = services.dialect
    tokens = _tokens(services, body)
    start = dialect.reply_start(tokens)
    told = parsed_tokens(dialect.parser(_structure(body)), tokens, start)
    return JSONResponse(
        {
            "tokens": token_views(dialect, tokens),
            "reply": start,
            "events": told.events,
            "faults": told.faults,
        }
    )


def _tokens(services: Services, body: ParseRequest) -> Sequence[int]:
    if (body.tokens is None) is (body.text is None):
        raise InvalidRequest(
            "one of 'tokens' and 'text' must be there, and not both", param="tokens", code="invalid_value"
        )
    if body.tokens is not None:
        return Texts(services.dialect).known(body.tokens, field="tokens")
    try:
        return _bounded(services.dialect.encode_written(body.text or ""), field="text")
    except UnrenderableConversation as error:
        raise InvalidRequest(f"'text': {error.reason}", param="text", code="invalid_value") from error


def _bounded(tokens: Sequence[int], *, field: str) -> Sequence[int]:
    if len(tokens) > MAX_SHOWN_TOKENS:
        raise InvalidRequest(
            f"'{field}' has {len(tokens)} tokens: at most {MAX_SHOWN_TOKENS} are shown",
            param=field,
            code="invalid_value",
        )
    return tokens


def _structure(body: ParseRequest) -> Structure:
    try:
        return Structure(tools=tuple(each.tool for each in chat_tools(body.tools or [])))
    except StructureError as error:
        raise InvalidRequest(f"'tools': {error.reason}", param="tools", code="invalid_value") from error
