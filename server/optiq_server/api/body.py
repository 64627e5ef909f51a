"""Reads a JSON body from a request, within bounds, and as a schema. Knows no endpoint."""

from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from optiq_server.errors import PayloadTooLarge, UnsupportedMediaType
from optiq_server.schema.errors import invalid_request
from optiq_server.schema.fields import RequestModel

_Model = TypeVar("_Model", bound=RequestModel)

MAX_BODY_BYTES = 8 * 1024 * 1024
"""A full context of 131,072 tokens is about 0.5 MB of English and, with every character escaped, 1 to 4 MB of
other scripts; the rest is room for tool schemas. Tokenizing this much takes seconds, so more is no use."""


async def read_json_body(request: Request) -> bytes:
    """The body's bytes, not yet parsed.

    Raises UnsupportedMediaType unless the body is declared as JSON. This is also what keeps web pages out: a
    browser asks before it sends JSON to another origin, and nobody answers that question here.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise UnsupportedMediaType(
            f"the Content-Type is {declared or 'missing'!r}: it must be 'application/json'",
            code="unsupported_media_type",
        )
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLarge(
                f"the body has more than {MAX_BODY_BYTES} bytes, which is the limit",
                code="request_too_large",
            )
    return bytes(body)


def parse_as(model: type[_Model], body: bytes) -> _Model:
    """The body, each field by itself. Raises InvalidRequest for the first that is wrong."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_request(error) from error


def documented(model: type[_Model]) -> dict[str, Any]:
    """What /openapi.json tells of a body that is read by hand, so that its size, type and errors are ours."""
    schema = {"schema": model.model_json_schema()}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}
