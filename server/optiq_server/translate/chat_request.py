"""A chat completion request as a conversation and the numbers of a generation. Pure.

The schema has checked each field by itself; here is what depends on several of them. Raises InvalidRequest,
which names the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    DeveloperMessage,
    Message,
    ReasoningEffort,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.structure import ToolChoiceMode
from optiq_server.errors import InvalidRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.fields import ContentPart
from optiq_server.schema.messages import ChatMessage, MessageToolCall
from optiq_server.translate.effort import NEAREST_EFFORT
from optiq_server.translate.functions import declared_functions
from optiq_server.translate.job import FieldNames, Job
from optiq_server.translate.sampling import sampling_of
from optiq_server.translate.structure import stated_effort, structure_of
from optiq_server.translate.tools import DeclaredTool, chat_tools
from optiq_server.translate.verbosity import with_verbosity

_PART_SEPARATOR = "\n"
"""Parts are blocks of their own (a question, a file); joined without a gap, their words would touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A job, and how its replies are told. `legacy_calls`: as `function_call`."""

    job: Job
    stream: bool
    include_usage: bool
    legacy_calls: bool = False


def chat_request(body: ChatCompletionRequest) -> ChatRequest:
    """What a body asks for."""
    return ChatRequest(
        job=_job(body),
        stream=body.stream or False,
        include_usage=body.stream_options is not None and body.stream_options.include_usage is True,
        legacy_calls=bool(body.functions),
    )


def _job(body: ChatCompletionRequest) -> Job:
    declared = _declared(body)
    tools = tuple(each.tool for each in declared)
    sampling = sampling_of(body)
    name_fields = [each.name_field for each in declared]
    structure = structure_of(body, tools, name_fields, well_formed=sampling.alters_logits)
    return Job(
        conversation=Conversation(
            messages=with_verbosity(_messages(body.messages), body.verbosity),
            system=SystemMessage(effort=_effort(body)),
            tools=() if structure.tool_choice.mode is ToolChoiceMode.NONE else tools,
            response_format=structure.response_format,
        ),
        structure=structure,
        names=FieldNames(tools=tuple(each.form_field for each in declared)),
        sampling=sampling,
        max_tokens=min(
            (given for given in (body.max_tokens, body.max_completion_tokens) if given is not None),
            default=None,
        ),
        stop_strings=tuple(body.stop or ()),
        samples=body.n or 1,
        top_logprobs=_top_logprobs(body),
    )


def _declared(body: ChatCompletionRequest) -> list[DeclaredTool]:
    if not body.functions:
        return chat_tools(body.tools or [])
    if body.tools:
        raise InvalidRequest(
            "'functions' and 'tools' are both there: send tools", param="functions", code="invalid_value"
        )
    return declared_functions(body.functions)


def _top_logprobs(body: ChatCompletionRequest) -> int | None:
    if body.logprobs:
        return body.top_logprobs or 0
    if body.top_logprobs:
        raise InvalidRequest(
            f"'top_logprobs' is {body.top_logprobs}: it needs 'logprobs' to be true",
            param="top_logprobs",
            code="invalid_value",
        )
    return None


def _effort(body: ChatCompletionRequest) -> ReasoningEffort:
    return NEAREST_EFFORT[stated_effort(body)]


def _messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Each message in harmony's terms. An assistant message that says nothing is left out."""
    tool_of_call: dict[str, str] = {}
    translated: list[Message] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        match message.role:
            case "system" | "developer":
                translated.append(DeveloperMessage(text=_required_text(message, path)))
            case "user":
                translated.append(UserMessage(text=_required_text(message, path)))
            case "assistant":
                calls = _calls(message.tool_calls or [], path)
                tool_of_call.update(calls.names)
                translated += _assistant(message, (*calls.calls, *_function_call(message)))
            case "tool":
                translated.append(_tool_result(message, path, tool_of_call))
            case "function":
                translated.append(_function_result(message, path))
    return tuple(translated)


def _assistant(message: ChatMessage, calls: tuple[ToolCall, ...]) -> list[AssistantMessage]:
    reasoning = message.reasoning_content or message.reasoning or message.thinking or None
    text = _text(message.content) or message.refusal or None
    if not (reasoning or text or calls):
        return []
    return [AssistantMessage(reasoning=reasoning, text=text, tool_calls=calls)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """An assistant message's calls, and which tool each call id belongs to."""

    calls: tuple[ToolCall, ...]
    names: dict[str, str]


def _calls(calls: Sequence[MessageToolCall], path: str) -> _Calls:
    translated: list[ToolCall] = []
    names: dict[str, str] = {}
    for index, call in enumerate(calls):
        one = _call(call, f"{path}.tool_calls[{index}]")
        names[call.id] = one.name
        translated.append(one)
    return _Calls(calls=tuple(translated), names=names)


def _call(call: MessageToolCall, path: str) -> ToolCall:
    if call.type == "custom":
        if call.custom is None:
            raise _missing(f"{path}.custom")
        return ToolCall(name=call.custom.name, arguments=call.custom.input, is_custom=True)
    if call.function is None:
        raise _missing(f"{path}.function")
    return ToolCall(name=call.function.name, arguments=call.function.arguments)


def _tool_result(message: ChatMessage, path: str, tool_of_call: dict[str, str]) -> ToolMessage:
    param = f"{path}.tool_call_id"
    if message.tool_call_id is None:
        raise _missing(param)
    name = tool_of_call.get(message.tool_call_id)
    if name is None:
        raise InvalidRequest(
            f"'{param}' is {message.tool_call_id!r}: no earlier assistant message has a call with this id",
            param=param,
            code="invalid_value",
        )
    return ToolMessage(name=name, text=_text(message.content) or "")


def _function_call(message: ChatMessage) -> tuple[ToolCall, ...]:
    """The one call of the deprecated spelling."""
    call = message.function_call
    return () if call is None else (ToolCall(name=call.name, arguments=call.arguments),)


def _function_result(message: ChatMessage, path: str) -> ToolMessage:
    if message.name is None:
        raise _missing(f"{path}.name")
    return ToolMessage(name=message.name, text=_text(message.content) or "")


def _required_text(message: ChatMessage, path: str) -> str:
    if not message.content and message.content is None:
        raise _missing(f"{path}.content")
    text = _text(message.content)
    if text is None:
        raise InvalidRequest(
            f"'{path}.content' is an empty list: a {message.role} message needs at least one part",
            param=f"{path}.content",
            code="invalid_value",
        )
    return text


def _text(content: Sequence[ContentPart] | None) -> str | None:
    if not content:
        return None
    return _PART_SEPARATOR.join(part.text or part.refusal or "" for part in content)


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' is missing", param=param, code="missing_required_parameter")
