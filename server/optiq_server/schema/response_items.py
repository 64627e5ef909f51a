"""The items of a response's input, each field by itself.

One model for all kinds: which fields a kind needs is checked when it is translated. Stored items are read
with it as well.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel, text_as_parts, unsupported
from optiq_server.schema.response_tools import ResponseTool

TEXT_PARTS = ("text", "input_text", "output_text", "reasoning_text", "summary_text")

ITEM_TYPES = (
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "item_reference",
    "additional_tools",
)


class ItemPart(RequestModel):
    """One part of an item's content. Only text is read; other kinds are refused by name."""

    type: str
    text: Annotated[str | None, Field(validate_default=True)] = None
    refusal: Annotated[str | None, Field(validate_default=True)] = None

    @field_validator("type")
    @classmethod
    def _is_text(cls, kind: str) -> str:
        if kind not in (*TEXT_PARTS, "refusal"):
            raise unsupported(f"a part of type {kind!r}", "this model reads parts of type 'input_text'")
        return kind

    @field_validator("text")
    @classmethod
    def _has_text(cls, text: str | None, info: ValidationInfo) -> str | None:
        return _required(text, info.data.get("type") in TEXT_PARTS)

    @field_validator("refusal")
    @classmethod
    def _has_refusal(cls, refusal: str | None, info: ValidationInfo) -> str | None:
        return _required(refusal, info.data.get("type") == "refusal")


def _required(value: str | None, is_required: bool) -> str | None:
    if value is None and is_required:
        raise PydanticCustomError("missing", "Field required")
    return value


Parts = Annotated[list[ItemPart] | None, BeforeValidator(text_as_parts)]


class InputItem(RequestModel):
    """A message, a reasoning, a call, its output, more tools, or a reference to an item that is stored.

    Without a type it is a message where it has a role, and else a reference.
    """

    type: str
    id: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: Parts = None
    summary: Parts = None
    encrypted_content: str | None = None
    call_id: Annotated[str, Field(min_length=1)] | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: Parts = None
    tools: list[ResponseTool] | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_type(cls, value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
        if isinstance(value, dict) and value.get("type") is None:
            return {**value, "type": "message" if "role" in value else "item_reference"}
        return value

    @field_validator("type")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in ITEM_TYPES:
            raise unsupported(f"an item of type {kind!r}", f"send items of types {', '.join(ITEM_TYPES)}")
        return kind


def _items(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """A plain string is what the user says."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if value is None or isinstance(value, list):
        return value
    raise PydanticCustomError("input_type", "Input should be a string or a list of items")


Input = Annotated[list[InputItem] | None, BeforeValidator(_items)]
