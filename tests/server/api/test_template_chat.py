"""A chat with a model that is not gpt-oss: what its parser tells reaches the client as gpt-oss's does."""

from dataclasses import replace
from functools import partial

from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from optiq_server.dialect.template import TemplateDialect
from optiq_server.engine.scripted_backend import ScriptedBackend
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Serve
from tests.server.dialect.chat_checkpoints import (
    CHAT_WITH_TOOLS,
    THINK,
    TOOLS,
    VOCABULARY_SIZE,
    chat_tokenizer,
)
from tests.server.doubles import MODEL

_TOKENIZER = chat_tokenizer(CHAT_WITH_TOOLS, (*THINK, *TOOLS))
_ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "1 + 1?"}]
_ADD: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
_CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>'


def _backend(reply: str) -> ScriptedBackend:
    def play(_: GenerationRequest) -> list[int]:
        return list(_TOKENIZER.encode(reply))

    return ScriptedBackend(play, info=replace(MODEL, vocabulary_size=VOCABULARY_SIZE))


async def test_thinking_is_reasoning_and_the_answer_is_content(serve: Serve) -> None:
    reply = "<think>\nEasy.\n</think>\n\nIt is 2.<|im_end|>"
    async with serve(partial(_backend, reply), dialect=TemplateDialect(_TOKENIZER)) as running:
        whole = await running.openai.chat.completions.create(model="any", messages=_ASKED)
        stream = await running.openai.chat.completions.create(model="any", messages=_ASKED, stream=True)
        deltas = [chunk.choices[0].delta async for chunk in stream]

    message = whole.choices[0].message
    assert message.content == "It is 2."
    assert (message.model_extra or {})["reasoning_content"] == "Easy."
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage
    assert whole.usage.completion_tokens_details
    assert whole.usage.completion_tokens_details.reasoning_tokens
    assert "".join(delta.content or "" for delta in deltas) == "It is 2."
    thoughts = [(delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas]
    assert "".join(thoughts) == "Easy."


async def test_a_call_is_a_tool_call_held_to_the_declared_function(serve: Serve) -> None:
    reply = f"<think>\nI add.\n</think>\n\n{_CALL}"
    async with serve(partial(_backend, reply), dialect=TemplateDialect(_TOKENIZER)) as running:
        whole = await running.openai.chat.completions.create(
            model="any", messages=_ASKED, tools=[_ADD], tool_choice="required"
        )

    choice = whole.choices[0]
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("add", '{"a": 1}')
    assert not choice.message.content
