"""The body of POST /v1/responses: each field's type and range.

A value that would change the reply and that is not honoured is refused by name; a value that asks for what
happens anyway is accepted.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from optiq_server.schema.chat import MAX_TOP_LOGPROBS, Effort, TokenCount
from optiq_server.schema.fields import RequestModel, unsupported
from optiq_server.schema.response_items import Input
from optiq_server.schema.response_tools import ResponseTool, TextSettings, ToolChoice
from optiq_server.schema.sampling import INT32_MAX, Seed

MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]
"""With OpenAI's bounds."""


class ReasoningSettings(RequestModel):
    """How much is thought. The reasoning itself is always told, so a summary of it is not made."""

    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class _Repeated(RequestModel):
    """Fields that change nothing; the response repeats them."""

    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    max_tool_calls: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = None


class _NotHonoured(RequestModel):
    """Fields of which only null is accepted."""

    conversation: object | None = None
    prompt: object | None = None

    @field_validator("conversation")
    @classmethod
    def _has_no_conversation(cls, value: object) -> None:
        if value is not None:
            raise unsupported("this field", "continue a stored response by previous_response_id")

    @field_validator("prompt")
    @classmethod
    def _has_no_template(cls, value: object) -> None:
        if value is not None:
            raise unsupported("this field", "send instructions and input")


class ResponsesRequest(_Repeated, _NotHonoured):
    """A request for one response. `model` is taken in any spelling: one model is served."""

    input: Input = None
    instructions: str | None = None
    previous_response_id: str | None = None
    model: str | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    include: list[str] | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    reasoning_budget: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = None
    max_output_tokens: TokenCount | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=INT32_MAX)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Seed | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    truncation: Literal["auto", "disabled"] | None = None


class ItemQuery(RequestModel):
    """Which page of a list of items is wanted; in a query all values are text."""

    model_config = ConfigDict(strict=False)

    after: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"


class RetrieveQuery(RequestModel):
    """How a stored response is told."""

    model_config = ConfigDict(strict=False)

    stream: bool | None = None

    @field_validator("stream")
    @classmethod
    def _is_whole(cls, value: bool | None) -> bool | None:
        if value:
            raise unsupported("streaming a stored response", "get it whole")
        return value
