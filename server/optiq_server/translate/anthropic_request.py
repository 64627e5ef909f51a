"""A request of Anthropic's API as a conversation and the numbers of a generation. Pure.

Thinking: `disabled` leaves the analysis channel out. `enabled` bounds it to `budget_tokens`. Otherwise the
model thinks as it is used to. The effort is `output_config.effort`, else what the budget suggests, else
medium.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from optiq_harmony.conversation import (
    Conversation,
    FunctionTool,
    JsonSchemaFormat,
    ReasoningEffort,
    ResponseFormat,
    SystemMessage,
    TextFormat,
)
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import StructureError
from optiq_server.engine.types import SamplingParameters
from optiq_server.errors import InvalidRequest
from optiq_server.schema.anthropic import AnthropicTool, CountTokensRequest, MessagesRequest
from optiq_server.translate.anthropic_messages import conversation_messages, system_messages
from optiq_server.translate.effort import NEAREST_EFFORT
from optiq_server.translate.job import FieldNames, Job
from optiq_server.translate.structure import inconsistent
from optiq_server.translate.tools import DeclaredTool

_FORMAT_NAME = "answer"
"""harmony's section of response formats wants a name, which Anthropic's requests do not have."""

_LOW_BUDGET = 4_096
_HIGH_BUDGET = 16_384
"""In tokens. Claude Code asks for 4,000, 10,000 and 31,999; below the first bound the effort is low, from the
second on it is high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicJob:
    """A job, and how its reply is told."""

    job: Job
    stream: bool


def messages_request(body: MessagesRequest) -> AnthropicJob:
    """What a body asks for."""
    sampling = SamplingParameters(
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        top_k=body.top_k or None,
    )
    job = prompt_job(
        body,
        sampling=sampling,
        max_tokens=body.max_tokens,
        stop_strings=tuple(body.stop_sequences or ()),
    )
    return AnthropicJob(job=job, stream=body.stream or False)


def prompt_job(
    body: CountTokensRequest,
    *,
    sampling: SamplingParameters | None = None,
    max_tokens: int | None = None,
    stop_strings: tuple[str, ...] = (),
) -> Job:
    """A job with the body's prompt and structure."""
    declared = _tools(body.tools or [])
    structure = _structure(body, declared)
    tools = () if structure.tool_choice.mode is ToolChoiceMode.NONE else structure.tools
    return Job(
        conversation=Conversation(
            messages=(*system_messages(body.system), *conversation_messages(body.messages)),
            system=SystemMessage(effort=_effort(body)),
            tools=tools,
            response_format=structure.response_format,
        ),
        structure=structure,
        names=FieldNames(
            tools=tuple(each.form_field for each in declared), response_schema=_format_field(body)
        ),
        sampling=sampling or SamplingParameters(),
        max_tokens=max_tokens,
        stop_strings=stop_strings,
    )


def _structure(body: CountTokensRequest, declared: Sequence[DeclaredTool]) -> Structure:
    thinking = body.thinking
    choice = body.tool_choice
    try:
        return Structure(
            tools=tuple(each.tool for each in declared),
            tool_choice=_tool_choice(body),
            parallel_calls=choice is None or not choice.disable_parallel_tool_use,
            response_format=_response_format(body),
            reasoning=thinking is None or thinking.type != "disabled",
            reasoning_budget=_budget(body),
        )
    except StructureError as error:
        raise inconsistent(error, [each.name_field for each in declared]) from error


def _tools(tools: Sequence[AnthropicTool]) -> list[DeclaredTool]:
    """The client's own tools; those that Anthropic would run are left out."""
    declared = []
    for index, tool in enumerate(tools):
        if tool.type not in (None, "custom"):
            continue
        if tool.name is None:
            raise _missing(f"tools[{index}].name")
        if tool.input_schema is None:
            raise _missing(f"tools[{index}].input_schema")
        function = FunctionTool(
            name=tool.name,
            description=tool.description or "",
            parameters=tool.input_schema,
            strict=tool.strict is True,
        )
        declared.append(
            DeclaredTool(
                tool=function,
                name_field=f"tools[{index}].name",
                form_field=f"tools[{index}].input_schema",
            )
        )
    return declared


def _tool_choice(body: CountTokensRequest) -> ToolChoice:
    choice = body.tool_choice
    if choice is None:
        return ToolChoice()
    match choice.type:
        case "auto":
            return ToolChoice()
        case "none":
            return ToolChoice(mode=ToolChoiceMode.NONE)
        case "any":
            return ToolChoice(mode=ToolChoiceMode.REQUIRED)
        case "tool":
            if choice.name is None:
                raise _missing("tool_choice.name")
            return ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({choice.name}))
        case _:
            assert_never(choice.type)


def _budget(body: CountTokensRequest) -> int | None:
    if body.thinking is None or body.thinking.type != "enabled":
        return None
    if body.thinking.budget_tokens is None:
        raise _missing("thinking.budget_tokens")
    return body.thinking.budget_tokens


def _effort(body: CountTokensRequest) -> ReasoningEffort:
    stated = body.output_config.effort if body.output_config is not None else None
    if stated is not None:
        return NEAREST_EFFORT[stated]
    if body.thinking is not None and body.thinking.type == "disabled":
        return NEAREST_EFFORT["none"]
    budget = _budget(body)
    if budget is None or _LOW_BUDGET <= budget < _HIGH_BUDGET:
        return ReasoningEffort.MEDIUM
    return ReasoningEffort.LOW if budget < _LOW_BUDGET else ReasoningEffort.HIGH


def _response_format(body: CountTokensRequest) -> ResponseFormat:
    config = body.output_config
    wanted = config.format if config is not None and config.format is not None else body.output_format
    return TextFormat() if wanted is None else JsonSchemaFormat(name=_FORMAT_NAME, schema=wanted.schema_)


def _format_field(body: CountTokensRequest) -> str:
    in_config = body.output_config is not None and body.output_config.format is not None
    return "output_config.format.schema" if in_config else "output_format.schema"


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
