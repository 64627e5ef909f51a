"""The scripted model does a task call by call, and answers what is not the task with a few words."""

import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    FunctionTool,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.types import GenerationRequest
from tools.clients.actor import Actor, Call, Task

_TASK = Task(
    prompt="Write, then read.",
    calls=[Call(tool="write", arguments={"text": "hi"}), Call(tool="read", arguments={})],
    answer="It says hi.",
)
_TOOLS = (FunctionTool(name="write"), FunctionTool(name="read"))
_ASKED = UserMessage(text=f'"{_TASK.prompt}"')
_WRITTEN = (
    AssistantMessage(tool_calls=(ToolCall(name="write", arguments='{"text":"hi"}'),)),
    ToolMessage(name="write", text="done"),
)
_READ = (
    AssistantMessage(tool_calls=(ToolCall(name="read", arguments="{}"),)),
    ToolMessage(name="read", text="hi"),
)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ((_ASKED,), 'to=functions.write <|constrain|>json<|message|>{"text": "hi"}<|call|>'),
        ((_ASKED, *_WRITTEN), "to=functions.read <|constrain|>json<|message|>{}<|call|>"),
        ((_ASKED, *_WRITTEN, *_READ), "<|channel|>final<|message|>It says hi.<|return|>"),
        ((UserMessage(text="Hello"),), "<|channel|>final<|message|>A greeting in a file<|return|>"),
    ],
)
def test_the_next_thing_is_said(
    messages: tuple[Message, ...], said: str, vocabulary: Vocabulary, dialect: HarmonyDialect
) -> None:
    conversation = Conversation(messages=messages, tools=_TOOLS)

    reply = Actor(vocabulary, _TASK).reply(_request(dialect, conversation))

    assert b"".join(map(vocabulary.token_bytes, reply)).decode().endswith(said)


def test_a_request_without_the_tools_is_not_the_task(vocabulary: Vocabulary, dialect: HarmonyDialect) -> None:
    titled = Conversation(messages=(_ASKED,))

    reply = Actor(vocabulary, _TASK).reply(_request(dialect, titled))

    assert b"A greeting" in b"".join(map(vocabulary.token_bytes, reply))


def test_what_the_tools_answered_is_kept(vocabulary: Vocabulary, dialect: HarmonyDialect) -> None:
    actor = Actor(vocabulary, _TASK)

    actor.reply(_request(dialect, Conversation(messages=(_ASKED, *_WRITTEN, *_READ), tools=_TOOLS)))

    assert actor.tool_results == ("done", "hi")


def _request(dialect: HarmonyDialect, conversation: Conversation) -> GenerationRequest:
    prompt = dialect.render(conversation).ids
    return GenerationRequest(request_id="one", prompt=prompt, stop_tokens=dialect.stop_tokens)
