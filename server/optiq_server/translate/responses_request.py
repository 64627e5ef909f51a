"""A response's request as a job, and as what the response repeats of it. Pure.

The schema has checked each field by itself; here is what depends on several of them. Raises InvalidRequest,
which names the field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from optiq_harmony.conversation import (
    Conversation,
    DeveloperMessage,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    ResponseFormat,
    SystemMessage,
    TextFormat,
)
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import StructureError
from optiq_server.engine.types import SamplingParameters
from optiq_server.errors import InvalidRequest
from optiq_server.schema.response_items import InputItem
from optiq_server.schema.response_tools import (
    OWN_TOOLS,
    AllowedResponseTool,
    ResponseToolChoice,
    TextSettings,
)
from optiq_server.schema.responses import ReasoningSettings, ResponsesRequest
from optiq_server.translate.effort import NEAREST_EFFORT
from optiq_server.translate.job import FieldNames, Job
from optiq_server.translate.response_input import additional_tools, conversation_messages
from optiq_server.translate.structure import inconsistent
from optiq_server.translate.tools import CalledTool, DeclaredTool, response_tools
from optiq_server.translate.verbosity import with_verbosity

INCLUDE_LOGPROBS = "message.output_text.logprobs"
INCLUDE_ENCRYPTED = "reasoning.encrypted_content"

_MODES = ("none", "auto", "required")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseJob:
    """A job, and how its reply is told and kept.

    `repeated` are the request's fields in the response, `tools` those that the model may call, by its names.
    """

    job: Job
    repeated: dict[str, object]
    tools: Mapping[str, CalledTool]
    stream: bool
    store: bool
    background: bool
    truncates: bool
    encrypted_content: bool


def response_job(
    body: ResponsesRequest, *, earlier: Sequence[InputItem], items: Sequence[InputItem]
) -> ResponseJob:
    """What a body asks for: `earlier` was said before, `items` are its own, with references resolved."""
    _check_background(body)
    if body.input is None and body.previous_response_id is None:
        raise _missing("input")
    declared = _declared(body, earlier, items)
    return ResponseJob(
        job=_job(body, declared, conversation_messages(earlier, items)),
        tools={each.tool.name: each.called for each in declared},
        repeated=_repeated(body),
        stream=body.stream or False,
        store=body.store is not False,
        background=body.background or False,
        truncates=body.truncation == "auto",
        encrypted_content=INCLUDE_ENCRYPTED in (body.include or []),
    )


def _check_background(body: ResponsesRequest) -> None:
    if body.background and body.stream:
        raise _refused("stream", "true", "a background response is polled by GET /v1/responses/{id}")
    if body.background and body.store is False:
        raise _refused("store", "false", "a background response must be stored, or nobody could get it")


def _declared(
    body: ResponsesRequest, earlier: Sequence[InputItem], items: Sequence[InputItem]
) -> list[DeclaredTool]:
    """The request's tools. Tools among the items may be sent with each turn, and so be declared already."""
    declared = response_tools(body.tools or [])
    names = {each.tool.name for each in declared}
    for each in additional_tools(earlier, items):
        if each.tool.name not in names:
            names.add(each.tool.name)
            declared.append(each)
    return declared


def _job(body: ResponsesRequest, declared: Sequence[DeclaredTool], messages: tuple[Message, ...]) -> Job:
    structure = _structure(body, declared)
    instructions = (DeveloperMessage(text=body.instructions),) if body.instructions else ()
    return Job(
        conversation=Conversation(
            messages=with_verbosity((*instructions, *messages), _text(body).verbosity),
            system=SystemMessage(effort=NEAREST_EFFORT[_reasoning(body).effort]),
            tools=() if structure.tool_choice.mode is ToolChoiceMode.NONE else structure.tools,
            response_format=structure.response_format,
        ),
        structure=structure,
        names=FieldNames(
            prompt="input",
            tools=tuple(each.form_field for each in declared),
            response_schema="text.format.schema",
        ),
        sampling=_sampling(body),
        max_tokens=body.max_output_tokens,
        top_logprobs=(body.top_logprobs or 0) if INCLUDE_LOGPROBS in (body.include or []) else None,
    )


def _structure(body: ResponsesRequest, declared: Sequence[DeclaredTool]) -> Structure:
    try:
        return Structure(
            tools=tuple(each.tool for each in declared),
            tool_choice=_tool_choice(body.tool_choice),
            parallel_calls=body.parallel_tool_calls is not False,
            response_format=_response_format(body),
            reasoning=_reasoning(body).effort != "none",
            reasoning_budget=body.reasoning_budget,
        )
    except StructureError as error:
        raise inconsistent(error, [each.name_field for each in declared]) from error


def _reasoning(body: ResponsesRequest) -> ReasoningSettings:
    return body.reasoning or ReasoningSettings()


def _text(body: ResponsesRequest) -> TextSettings:
    return body.text or TextSettings()


def _sampling(body: ResponsesRequest) -> SamplingParameters:
    return SamplingParameters(
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        # As in a chat, 0 and -1 mean "off".
        top_k=body.top_k if body.top_k is not None and body.top_k >= 1 else None,
        min_p=body.min_p or 0.0,
        seed=body.seed,
    )


def _tool_choice(choice: ResponseToolChoice | None) -> ToolChoice:
    if choice is None:
        return ToolChoice()
    if choice.type in _MODES:
        return ToolChoice(mode=ToolChoiceMode(choice.type))
    if choice.type in OWN_TOOLS:
        if choice.name is None:
            raise _missing("tool_choice.name")
        return ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({choice.name}))
    if choice.mode is None:
        raise _missing("tool_choice.mode")
    if choice.tools is None:
        raise _missing("tool_choice.tools")
    return ToolChoice(mode=ToolChoiceMode(choice.mode), names=_allowed_names(choice.tools))


def _allowed_names(tools: Sequence[AllowedResponseTool]) -> frozenset[str]:
    """Of functions and custom tools: like their declarations, tools of other types are ignored."""
    names = set()
    for index, tool in enumerate(tools):
        if tool.type not in OWN_TOOLS:
            continue
        if tool.name is None:
            raise _missing(f"tool_choice.tools[{index}].name")
        names.add(tool.name)
    return frozenset(names)


def _response_format(body: ResponsesRequest) -> ResponseFormat:
    wanted = _text(body).format
    if wanted is None:
        return TextFormat()
    match wanted.type:
        case "text":
            return TextFormat()
        case "json_object":
            return JsonObjectFormat()
        case "json_schema":
            return JsonSchemaFormat(
                name=wanted.name or "",
                description=wanted.description or "",
                schema={} if wanted.schema_ is None else wanted.schema_,
            )
        case _:
            assert_never(wanted.type)


def _repeated(body: ResponsesRequest) -> dict[str, object]:
    """The request's fields as the response has them, with the defaults of those that were left out."""
    text = _text(body)
    return {
        "background": body.background or False,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": _reasoning(body).model_dump(),
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": {
            "format": {"type": "text"} if text.format is None else text.format.sent,
            "verbosity": text.verbosity or "medium",
        },
        "tool_choice": _repeated_choice(body.tool_choice),
        "tools": [tool.sent for tool in body.tools or []],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "truncation": body.truncation or "disabled",
        "user": body.user,
    }


def _repeated_choice(choice: ResponseToolChoice | None) -> object:
    if choice is None:
        return "auto"
    return choice.type if choice.type in _MODES else choice.sent


def _refused(param: str, value: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is {value}: {reason}", param=param, code="unsupported_value")


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
