"""The messages of Anthropic's API, each field by itself: a role, and text or blocks.

Blocks of all types are read as one model; which fields a type needs, and which role may send it, is checked
when they are translated.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import Content, RequestModel, unsupported
from optiq_server.schema.tools import JsonSchemaObject

_KNOWN_TYPES = ("text", "thinking", "redacted_thinking", "tool_use", "tool_result")


class Block(RequestModel):
    """One block of a message. Types that are not read are refused by name; no URL is ever fetched."""

    type: str
    text: str | None = None
    thinking: str | None = None
    id: Annotated[str, Field(min_length=1)] | None = None
    name: str | None = None
    input: JsonSchemaObject | None = None
    tool_use_id: str | None = None
    content: Content = None
    is_error: bool | None = None

    @field_validator("type")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in _KNOWN_TYPES:
            raise unsupported(f"a block of type {kind!r}", "this model reads text")
        return kind


def _blocks(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """A plain string is one text block. One shape, and so one path in errors, for both spellings."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if isinstance(value, list):
        return value
    raise PydanticCustomError("content_type", "Input should be a string or a list of blocks")


class AnthropicMessage(RequestModel):
    """A message of any role."""

    role: Literal["user", "assistant", "system"]
    content: Annotated[list[Block], BeforeValidator(_blocks)]
