"""The body of POST /v1/completions, OpenAI's older endpoint: text or token ids, and what continues them."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator, field_validator
from pydantic_core import PydanticCustomError

from optiq_server.schema.chat import SampleCount, StopStrings, StreamOptions, TokenCount
from optiq_server.schema.fields import unsupported
from optiq_server.schema.sampling import SamplingFields

_MAX_PROMPTS = 128
"""Each is a sequence of its own; beyond it the queue is what a client should use."""
_MAX_LOGPROBS = 5
"""As at OpenAI."""

Prompt = str | list[int]
"""A text, or token ids."""


def _prompts(value: Any) -> list[Prompt]:  # noqa: ANN401  # raw JSON, of any type
    """One shape for the four spellings: a text, token ids, a list of either."""
    several = [value] if _is_prompt(value) else value
    if not isinstance(several, list) or not all(map(_is_prompt, several)):
        raise PydanticCustomError(
            "prompt_type", "Input should be a string, a list of token ids, or a list of either"
        )
    if not 1 <= len(several) <= _MAX_PROMPTS:
        raise PydanticCustomError(
            "prompt_count", "Input should have 1 to {most} prompts", {"most": _MAX_PROMPTS}
        )
    empty = next((index for index, each in enumerate(several) if len(each) == 0), None)
    if empty is not None:
        raise PydanticCustomError(
            "prompt_empty",
            "Input should hold no empty prompt, and prompt {index} is: there is nothing to continue",
            {"index": empty},
        )
    return several


def _is_prompt(value: object) -> bool:
    # An empty list is a list of no prompts. A truth value is no number in JSON.
    if isinstance(value, list):
        return len(value) > 0 and all(type(each) is int for each in value)
    return isinstance(value, str)


class CompletionRequest(SamplingFields):
    """A request for continuations. `model` is taken in any spelling: one model is served."""

    prompt: Annotated[
        list[Prompt], PlainValidator(_prompts, json_schema_input_type=Prompt | list[str] | list[list[int]])
    ]
    model: str | None = None
    max_tokens: TokenCount | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: Annotated[int, Field(ge=0, le=_MAX_LOGPROBS)] | None = None
    n: SampleCount | None = None
    best_of: SampleCount | None = None
    stop: StopStrings = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @field_validator("suffix")
    @classmethod
    def _is_absent(cls, suffix: str | None) -> str | None:
        if suffix:
            raise unsupported("this value", "leave it out: gpt-oss was not trained to fill gaps")
        return suffix
