"""Reads a JSON body from a request, within bounds. Knows no schema."""

from starlette.requests import Request

from optiq_server.errors import PayloadTooLarge, UnsupportedMediaType

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
