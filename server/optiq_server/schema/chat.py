"""The body of POST /v1/chat/completions: each field's type and range.

A value that would change the reply and that is not honoured is refused by name; a value that asks for what
happens anyway is accepted.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from optiq_server.schema.fields import RequestModel, unsupported
from optiq_server.schema.messages import ChatMessage
from optiq_server.schema.sampling import INT32_MAX, SamplingFields
from optiq_server.schema.structure import CompleteResponseFormat, FunctionChoice, ToolChoice
from optiq_server.schema.tools import FunctionDefinition, Tool

_MAX_STOP_STRINGS = 16
"""OpenAI takes 4; agents send more. Each costs one search per piece of text."""
_MAX_STOP_LENGTH = 1024
"""In characters. The search for a held-back beginning is quadratic in it at worst."""

_MAX_SAMPLES = 16
"""As many as share a step; OpenAI takes 128."""
MAX_TOP_LOGPROBS = 20
"""As at OpenAI."""

_Value = TypeVar("_Value")

Verbosity = Literal["low", "medium", "high"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


def _string_list(value: Any) -> Any:  # noqa: ANN401  # raw JSON, of any type
    if isinstance(value, str):
        return [value]
    if value is None or isinstance(value, list):
        return value
    raise PydanticCustomError("stop_type", "Input should be a string, a list of strings, or null")


StopString = Annotated[str, Field(min_length=1, max_length=_MAX_STOP_LENGTH)]
StopList = Annotated[list[StopString], Field(max_length=_MAX_STOP_STRINGS)]
StopStrings = Annotated[StopList | None, BeforeValidator(_string_list)]
TokenCount = Annotated[int, Field(ge=1, le=INT32_MAX)]
SampleCount = Annotated[int, Field(ge=1, le=_MAX_SAMPLES)]


class StreamOptions(RequestModel):
    """How a stream is told."""

    include_usage: bool | None = None


class Reasoning(RequestModel):
    """The spelling of `reasoning_effort` that some clients share between endpoints."""

    effort: Effort | None = None


class _NotHonoured(RequestModel):
    """Fields of which only the do-nothing values are accepted."""

    modalities: list[str] | None = None
    audio: object | None = None
    prediction: object | None = None
    web_search_options: object | None = None

    @field_validator("modalities")
    @classmethod
    def _is_text_only(cls, value: list[str] | None) -> list[str] | None:
        return _only(value, (None, ["text"]), "this model writes text")

    @field_validator("audio", "prediction", "web_search_options")
    @classmethod
    def _is_absent(cls, value: object) -> object:
        return _only(value, (None,), "leave it out")


class ChatCompletionRequest(SamplingFields, _NotHonoured):
    """A request for one reply. `model` is taken in any spelling: one model is served."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    stop: StopStrings = None
    n: SampleCount | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    reasoning_effort: Effort | None = None
    reasoning: Reasoning | None = None
    reasoning_budget: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] | None = None
    function_call: FunctionChoice | None = None
    verbosity: Verbosity | None = None
    response_format: CompleteResponseFormat | None = None


def _only(value: _Value, legal: tuple[object, ...], remedy: str) -> _Value:
    if value not in legal:
        raise unsupported("this value", remedy)
    return value
