"""A conversation as harmony knows it, before any token exists. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias

JsonSchema: TypeAlias = Mapping[str, Any]


class ReasoningEffort(StrEnum):
    """How much analysis the model is asked for (`Reasoning:` in the system message)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A function that the model may call; `parameters` is a JSON schema of type object, or None.

    `strict` promises the client arguments that match the schema, or a refusal beforehand.
    """

    name: str
    description: str = ""
    parameters: JsonSchema | None = None
    strict: bool = False


class GrammarSyntax(StrEnum):
    """The languages in which a custom tool's input may be defined."""

    LARK = "lark"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolGrammar:
    """What a custom tool's input must match; the dialect is llguidance's, as at OpenAI."""

    syntax: GrammarSyntax
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomTool:
    """A tool whose input is text instead of JSON; any text where `grammar` is None."""

    name: str
    description: str = ""
    grammar: ToolGrammar | None = None


Tool: TypeAlias = FunctionTool | CustomTool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat:
    """The answer is free text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonObjectFormat:
    """The answer is some JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchemaFormat:
    """The answer is JSON that matches `schema`; `name` and `description` are told to the model."""

    name: str
    schema: JsonSchema
    description: str = ""


ResponseFormat: TypeAlias = TextFormat | JsonObjectFormat | JsonSchemaFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model made earlier; `arguments` is its text, as it was written: JSON, unless custom."""

    name: str
    arguments: str
    is_custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMessage:
    """Harmony's own system message: model identity, dates and effort. Instructions do not belong here."""

    effort: ReasoningEffort = ReasoningEffort.MEDIUM
    current_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeveloperMessage:
    """Instructions; an API's `system` and `developer` roles both mean this."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """What the user wrote."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessage:
    """An earlier turn of the model. Reasoning, text and calls may all be present."""

    reasoning: str | None = None
    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolMessage:
    """The result of tool `name`."""

    name: str
    text: str


Message: TypeAlias = DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Everything that is rendered into one prompt."""

    messages: tuple[Message, ...]
    system: SystemMessage = field(default_factory=SystemMessage)
    tools: tuple[Tool, ...] = ()
    response_format: ResponseFormat = field(default_factory=TextFormat)
