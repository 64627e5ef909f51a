"""What the models of request bodies have in common: strictness, and text that is split into parts.

Unknown fields are ignored, as clients expect. A value of the wrong JSON type is refused, not converted,
so that `"stop": 5` or `"stream": "no"` never mean something by accident.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class RequestModel(BaseModel):
    """Base of every model of a request body. Explicit null is the same as absent."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def unsupported(subject: str, remedy: str) -> PydanticCustomError:
    """The refusal of something that the API knows and this server does not do."""
    return PydanticCustomError(
        "unsupported_value", "{subject} is not supported; {remedy}", {"subject": subject, "remedy": remedy}
    )


class ContentPart(RequestModel):
    """One part of a message's content. Only text is read; other kinds are refused by name."""

    type: str
    text: Annotated[str | None, Field(validate_default=True)] = None
    refusal: str | None = None

    @field_validator("type")
    @classmethod
    def _is_text(cls, kind: str) -> str:
        if kind not in ("text", "refusal"):
            raise unsupported(f"a part of type {kind!r}", "this model reads parts of type 'text'")
        return kind

    @field_validator("text")
    @classmethod
    def _is_there(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None and info.data.get("type") == "text":
            raise PydanticCustomError("missing", "Field required")
        return text


def text_as_parts(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    """A plain string is one text part. One shape, and so one path in errors, for both spellings."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if value is None or isinstance(value, list):
        return value
    raise PydanticCustomError("content_type", "Input should be a string, a list of parts, or null")


Content = Annotated[list[ContentPart] | None, BeforeValidator(text_as_parts)]
