"""What a training conversation is, and how it becomes token ids.

Everything before the first assistant message to learn is rendered by openai-harmony itself, exactly as the
server renders a request; what the assistant writes follows in the form the model is taught.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    Author,
    Conversation,
    DeveloperContent,
    HarmonyEncoding,
    Message,
    ReasoningEffort,
    Role,
    SystemContent,
    ToolDescription,
)

Effort = Literal["low", "medium", "high"]
Kind = Literal["user", "analysis", "final", "call", "tool"]
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
_LEVELS = {
    "low": ReasoningEffort.LOW,
    "medium": ReasoningEffort.MEDIUM,
    "high": ReasoningEffort.HIGH,
}
_JSON_CONTENT = "<|constrain|>json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A declared function; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One function call and what the function answered."""

    name: str
    arguments: dict[str, object]
    result: str

    @property
    def arguments_text(self) -> str:
        return json.dumps(self.arguments, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question, the working for each effort, and the one right answer; `call` comes before the answer."""

    family: str
    question: str
    working: dict[Effort, str]
    answer: str
    call: Call | None = None
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A whole conversation: earlier exchanges as history, the last one to be answered."""

    date: str
    effort: Effort
    instructions: str | None
    tools: tuple[Tool, ...]
    history: tuple[Exchange, ...]
    current: Exchange
    # Clients that do not send reasoning back replay a tool loop without it.
    replay_call: bool = False
    replay_analysis: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Token ids, and for each whether the model is to predict it."""

    tokens: list[int]
    learn: list[bool] = field(repr=False)


def system_message(dialogue: Dialogue) -> Message:
    content = SystemContent.new().with_conversation_start_date(dialogue.date)
    content = content.with_reasoning_effort(_LEVELS[dialogue.effort])
    return Message.from_role_and_content(Role.SYSTEM, content)


def developer_message(dialogue: Dialogue) -> Message | None:
    if dialogue.instructions is None and not dialogue.tools:
        return None
    content = DeveloperContent.new()
    if dialogue.instructions is not None:
        content = content.with_instructions(dialogue.instructions)
    if dialogue.tools:
        content = content.with_function_tools(
            [ToolDescription.new(t.name, t.description, parameters=t.parameters) for t in dialogue.tools]
        )
    return Message.from_role_and_content(Role.DEVELOPER, content)


def call_message(call: Call) -> Message:
    message = Message.from_role_and_content(Role.ASSISTANT, call.arguments_text)
    message = message.with_channel("commentary").with_recipient(f"functions.{call.name}")
    return message.with_content_type(_JSON_CONTENT)


def tool_message(call: Call) -> Message:
    author = Author.new(Role.TOOL, f"functions.{call.name}")
    message = Message.from_author_and_content(author, call.result)
    return message.with_channel("commentary").with_recipient("assistant")


def _said(channel: str, text: str) -> Message:
    return Message.from_role_and_content(Role.ASSISTANT, text).with_channel(channel)


def prompt_messages(dialogue: Dialogue) -> list[Message]:
    """The request: all messages up to the point where the assistant must speak."""
    messages = [system_message(dialogue)]
    developer = developer_message(dialogue)
    if developer is not None:
        messages.append(developer)
    for exchange in dialogue.history:
        messages.append(Message.from_role_and_content(Role.USER, exchange.question))
        if exchange.call is not None:
            messages += [call_message(exchange.call), tool_message(exchange.call)]
        messages.append(_said("final", exchange.answer))
    messages.append(Message.from_role_and_content(Role.USER, dialogue.current.question))
    if dialogue.replay_call and dialogue.current.call is not None:
        if dialogue.replay_analysis:
            messages.append(_said("analysis", dialogue.current.working[dialogue.effort]))
        messages += [call_message(dialogue.current.call), tool_message(dialogue.current.call)]
    return messages


def render_prompt(dialogue: Dialogue, encoding: HarmonyEncoding) -> list[int]:
    conversation = Conversation.from_messages(prompt_messages(dialogue))
    return list(encoding.render_conversation_for_completion(conversation, Role.ASSISTANT))


def reply_text(dialogue: Dialogue, *, after_call: bool) -> str:
    """What the assistant writes after `<|start|>assistant`, until it stops."""
    exchange = dialogue.current
    if exchange.call is not None and after_call:
        return f"<|channel|>final<|message|>{exchange.answer}<|return|>"
    analysis = f"<|channel|>analysis<|message|>{exchange.working[dialogue.effort]}<|end|><|start|>assistant"
    if exchange.call is not None:
        call = exchange.call
        header = f"<|channel|>commentary to=functions.{call.name} {_JSON_CONTENT}<|message|>"
        return f"{analysis}{header}{call.arguments_text}<|call|>"
    return f"{analysis}<|channel|>final<|message|>{exchange.answer}<|return|>"


def render(dialogue: Dialogue, encoding: HarmonyEncoding) -> Rendered:
    """The conversation with its right replies, for training."""
    tokens = render_prompt(dialogue, encoding)
    learn = [False] * len(tokens)

    def add(ids: list[int], *, learned: bool) -> None:
        tokens.extend(ids)
        learn.extend([learned] * len(ids))

    def encode(text: str) -> list[int]:
        return list(encoding.encode(text, allowed_special="all"))

    replayed = dialogue.replay_call
    call = dialogue.current.call
    add(encode(reply_text(dialogue, after_call=replayed)), learned=True)
    if call is not None and not replayed:
        add(list(encoding.render(tool_message(call))), learned=False)
        add(encode("<|start|>assistant"), learned=False)
        add(encode(reply_text(dialogue, after_call=True)), learned=True)
    return Rendered(tokens=tokens, learn=learn)
