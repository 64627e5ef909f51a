"""The bodies of POST /v1/lab/parse, and what it and POST /v1/lab/render answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from optiq_server.schema.fields import RequestModel
from optiq_server.schema.tools import Tool

MAX_SHOWN_TOKENS = 131_072
"""A full context of gpt-oss."""

_MAX_TEXT = 1 << 20
"""In characters: eight for each token that is shown."""


class ParseRequest(RequestModel):
    """Tokens, or the text that they make with control tokens written out; and the tools of the reply."""

    tokens: Annotated[list[int], Field(max_length=MAX_SHOWN_TOKENS)] | None = None
    text: Annotated[str, Field(max_length=_MAX_TEXT)] | None = None
    tools: list[Tool] | None = None


class ShownToken(BaseModel):
    """One token. Messages count from 0; `channel`, `message` and `role` are null where not known."""

    id: int
    text: str
    kind: Literal["control", "text", "partial"]
    channel: str | None
    message: int | None
    role: str | None


class RenderedTokens(BaseModel):
    """A prompt: its tokens, and all of it as text."""

    tokens: list[ShownToken]
    text: str


class ShownFault(BaseModel):
    """What departs from the protocol, with the index of the token that showed it."""

    token: int
    message: str


class ParsedReply(BaseModel):
    """Tokens, and what the parser tells of those from index `reply` on."""

    tokens: list[ShownToken]
    reply: int
    events: list[dict[str, object]]
    faults: list[ShownFault]
