"""The messages of a chat completion request, each field by itself.

What depends on several fields, or on several messages, is translate.chat_request's concern.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from optiq_server.schema.fields import Content, RequestModel, unsupported


def _arguments_text(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """Some clients send the arguments as the object that they parsed them into."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


class FunctionCall(RequestModel):
    """The function that an earlier reply called, and its arguments as JSON text."""

    name: str
    arguments: Annotated[str, BeforeValidator(_arguments_text)] = ""


class CustomCall(RequestModel):
    """The custom tool that an earlier reply called, and its input."""

    name: str
    input: str = ""


class MessageToolCall(RequestModel):
    """One call of an earlier reply."""

    id: Annotated[str, Field(min_length=1)]
    type: str = "function"
    function: FunctionCall | None = None
    custom: CustomCall | None = None

    @field_validator("type")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in ("function", "custom"):
            raise unsupported(f"a call of type {kind!r}", "send calls of type 'function' or 'custom'")
        return kind


class ChatMessage(RequestModel):
    """A message of any role; which fields a role needs is checked when it is translated.

    Clients spell an earlier reply's reasoning in three ways; all are read.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    thinking: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None
    name: str | None = None
