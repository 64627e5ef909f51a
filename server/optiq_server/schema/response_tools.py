"""Tools, tool choice and text format as a response's request spells them: flat.

A response repeats them as they were sent, so each keeps that beside what is read of it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel, unsupported
from optiq_server.schema.structure import mode_as_choice
from optiq_server.schema.tools import JsonSchemaObject, Name, finite

OWN_TOOLS = ("function", "custom")
"""What the client runs. Other tools run at OpenAI; they are ignored, because clients send them unasked."""

NAMESPACE = "namespace"
"""A group of tools, as Codex sends those of MCP servers."""

_READ_OF_NAMESPACE = ("type", "name", "tools")

_CHOICES = ("none", "auto", "required", *OWN_TOOLS, "allowed_tools")


class SentObject(RequestModel):
    """An object that is repeated in the response."""

    sent: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _keep(cls, value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
        if not isinstance(value, dict):
            return value
        return {**cls.read_of(value), "sent": finite(value)}

    @classmethod
    def read_of(cls, sent: dict[str, Any]) -> dict[str, Any]:
        """The fields that are checked."""
        return sent


class ToolInputFormat(RequestModel):
    """The form of a custom tool's input: any text, or what a grammar admits."""

    type: Literal["text", "grammar"]
    syntax: Literal["lark", "regex"] | None = None
    definition: str | None = None


class ResponseTool(SentObject):
    """A tool, or a namespace of them. Of one that is ignored, nothing but its type is read."""

    type: str
    name: Name | None = None
    description: str | None = None
    parameters: JsonSchemaObject | None = None
    strict: bool | None = None
    format: ToolInputFormat | None = None
    tools: list["ResponseTool"] | None = None

    @classmethod
    def read_of(cls, sent: dict[str, Any]) -> dict[str, Any]:
        kind = sent.get("type")
        if kind in OWN_TOOLS:
            return {key: value for key, value in sent.items() if key != "tools"}
        read = _READ_OF_NAMESPACE if kind == NAMESPACE else ("type",)
        return {key: value for key, value in sent.items() if key in read}


class AllowedResponseTool(RequestModel):
    """A tool, as `allowed_tools` lists it."""

    type: str
    name: str | None = None


class ResponseToolChoice(SentObject):
    """Which tools may be called, or must. A plain mode is read as an object of that type."""

    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[AllowedResponseTool] | None = None

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.type not in _CHOICES:
            raise unsupported(f"the choice of {self.type!r}", f"choose from {', '.join(_CHOICES)}")
        return self


ToolChoice = Annotated[ResponseToolChoice, BeforeValidator(mode_as_choice)]


class TextFormatBody(SentObject):
    """The form of the reply's text."""

    type: Literal["text", "json_object", "json_schema"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    description: str | None = None
    schema_: Annotated[JsonSchemaObject | None, Field(alias="schema")] = None
    strict: bool | None = None


def _is_complete(wanted: TextFormatBody) -> TextFormatBody:
    if wanted.type == "json_schema" and wanted.name is None:
        raise PydanticCustomError("missing_name", "Input should have a name beside its type")
    return wanted


class TextSettings(RequestModel):
    """How the text is written."""

    format: Annotated[TextFormatBody, AfterValidator(_is_complete)] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
