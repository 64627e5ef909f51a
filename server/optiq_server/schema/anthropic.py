"""The bodies of POST /v1/messages and /v1/messages/count_tokens, in Anthropic's form."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from optiq_server.schema.anthropic_blocks import AnthropicMessage
from optiq_server.schema.chat import StopList, TokenCount
from optiq_server.schema.fields import Content, RequestModel
from optiq_server.schema.sampling import INT32_MAX
from optiq_server.schema.tools import JsonSchemaObject


class AnthropicTool(RequestModel):
    """A tool of the client's. Tools of other types, which Anthropic runs itself, are left out."""

    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: JsonSchemaObject | None = None
    strict: bool | None = None


class AnthropicToolChoice(RequestModel):
    """Which tools may be called, or must."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(RequestModel):
    """Whether the model thinks first, and in how many tokens at most."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: TokenCount | None = None


class OutputFormat(RequestModel):
    """The schema that the answer matches."""

    type: Literal["json_schema"]
    schema_: Annotated[JsonSchemaObject, Field(alias="schema")]


class OutputConfig(RequestModel):
    """How much the model thinks, and the form of its answer."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class CountTokensRequest(RequestModel):
    """What makes a prompt. `model` is taken in any spelling: one model is served."""

    messages: Annotated[list[AnthropicMessage], Field(min_length=1)]
    model: str | None = None
    system: Content = None
    tools: list[AnthropicTool] | None = None
    tool_choice: AnthropicToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None


class MessagesRequest(CountTokensRequest):
    """A request for one reply."""

    max_tokens: TokenCount
    stop_sequences: StopList | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = None


class TokensCounted(BaseModel):
    """How long a prompt is."""

    input_tokens: int
