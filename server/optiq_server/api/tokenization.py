"""POST /tokenize and POST /detokenize: what the model reads, as numbers and as text."""

from collections.abc import Sequence

from fastapi import APIRouter, Request

from optiq_server.api.body import documented, parse_as, read_json_body
from optiq_server.api.services import Services
from optiq_server.api.turn import render, require_model
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.errors import ErrorBody
from optiq_server.schema.tokenization import (
    DetokenizeRequest,
    DetokenizeResponse,
    TokenizeRequest,
    TokenizeResponse,
)
from optiq_server.translate.chat_request import chat_request
from optiq_server.translate.texts import Texts


def tokenization_router(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["tokens"], responses={400: {"model": ErrorBody}})

    @router.post("/tokenize", openapi_extra=documented(TokenizeRequest))
    async def tokenize(request: Request) -> TokenizeResponse:
        raw = await read_json_body(request)
        body = parse_as(TokenizeRequest, raw)
        services.served.require(body.model)
        model = require_model(services)
        tokens = _tokens(services, body, raw)
        return TokenizeResponse(count=len(tokens), max_model_len=model.context_length, tokens=list(tokens))

    @router.post("/detokenize", openapi_extra=documented(DetokenizeRequest))
    async def detokenize(request: Request) -> DetokenizeResponse:
        body = parse_as(DetokenizeRequest, await read_json_body(request))
        services.served.require(body.model)
        require_model(services)
        texts = Texts(services.dialect)
        return DetokenizeResponse(prompt=texts.written(texts.known(body.tokens, field="tokens")))

    return router


def _tokens(services: Services, body: TokenizeRequest, raw: bytes) -> Sequence[int]:
    if body.messages is None and body.prompt is None:
        raise InvalidRequest(
            "'prompt' is missing; 'messages' may stand in its place",
            param="prompt",
            code="missing_required_parameter",
        )
    if body.messages is None:
        return Texts(services.dialect).tokens_of(body.prompt or "", field="prompt")
    if body.prompt is not None:
        raise InvalidRequest(
            "'prompt' and 'messages' are both there: send one of them", param="prompt", code="invalid_value"
        )
    return render(services, chat_request(parse_as(ChatCompletionRequest, raw)).job).ids
