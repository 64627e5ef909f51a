"""Which of a conversation's earlier reasoning goes back to the model. Pure: it knows no tokens.

The rule, after the harmony guide ("Handling reasoning output in subsequent sampling"):

Rule 1: reasoning belongs to the work towards an answer. Once a final answers, all reasoning up to and
        including the final's own is dropped, for the model was not trained to see it.

Rule 2: until then it stays. A model that calls tools goes on thinking where it stopped, over as many calls
        as it takes, also where a user or developer speaks in between, or where the reply was cut.

A final is an assistant message with text and no tool calls. Text beside tool calls is a preamble: it answers
nothing, so it ends nothing.

openai-harmony's own dropping looks at the last assistant message only, and so keeps the stale reasoning of
all earlier turns while a tool loop runs (vllm-project/vllm#45048); the renderer does not use it.
"""

from collections.abc import Sequence
from dataclasses import replace

from optiq_harmony.conversation import AssistantMessage, Message


def drop_answered_reasoning(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` without the reasoning that a later final, or the message's own, has answered."""
    answered = max((index for index, message in enumerate(messages) if _is_final(message)), default=-1)
    return tuple(
        replace(message, reasoning=None)
        if isinstance(message, AssistantMessage) and index <= answered
        else message
        for index, message in enumerate(messages)
    )


def _is_final(message: Message) -> bool:
    return isinstance(message, AssistantMessage) and bool(message.text) and not message.tool_calls
