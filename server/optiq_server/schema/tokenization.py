"""The bodies of POST /tokenize and POST /detokenize, in vLLM's form."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from optiq_server.schema.fields import RequestModel, unsupported

_MAX_TOKENS = 2**20
"""Eight times the longest context."""


class TokenizeRequest(RequestModel):
    """A text, or a conversation: then the body is that of a chat completion, and is read as one."""

    prompt: str | None = None
    messages: list[Any] | None = None
    model: str | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None

    @field_validator("add_generation_prompt")
    @classmethod
    def _is_added(cls, value: bool | None) -> bool | None:
        if value is False:
            raise unsupported("this value", "a prompt always ends where the reply begins")
        return value

    @field_validator("continue_final_message")
    @classmethod
    def _is_not_continued(cls, value: bool | None) -> bool | None:
        if value:
            raise unsupported("this value", "a prompt always ends where a new reply begins")
        return value


class DetokenizeRequest(RequestModel):
    """Token ids."""

    tokens: Annotated[list[int], Field(max_length=_MAX_TOKENS)]
    model: str | None = None


class TokenizeResponse(BaseModel):
    """`max_model_len` is the model's context, prompt and reply together."""

    count: int
    max_model_len: int
    tokens: list[int]


class DetokenizeResponse(BaseModel):
    """The text, control tokens in their written form."""

    prompt: str
