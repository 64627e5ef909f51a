"""Training text is what the server feeds the model, token for token."""

import datetime
from dataclasses import replace

from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    DeveloperMessage,
    FunctionTool,
    Message,
    ReasoningEffort,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.render import Renderer
from optiq_harmony.vocabulary import Vocabulary
from tools.pocket.conversations import Call, Dialogue, render, render_prompt
from tools.pocket.generator import Generator

_SEEDS = range(1, 401, 2)
_RETURN, _CALL = 200002, 200012


def _tool_turn(call: Call, reasoning: str | None) -> tuple[Message, ...]:
    made = ToolCall(name=call.name, arguments=call.arguments_text)
    return (
        AssistantMessage(reasoning=reasoning, tool_calls=(made,)),
        ToolMessage(name=call.name, text=call.result),
    )


def _as_served(dialogue: Dialogue) -> Conversation:
    messages: list[Message] = []
    if dialogue.instructions is not None:
        messages.append(DeveloperMessage(text=dialogue.instructions))
    for exchange in dialogue.history:
        messages.append(UserMessage(text=exchange.question))
        messages += _tool_turn(exchange.call, None) if exchange.call is not None else ()
        messages.append(AssistantMessage(text=exchange.answer))
    current = dialogue.current
    messages.append(UserMessage(text=current.question))
    if dialogue.replay_call and current.call is not None:
        reasoning = current.working[dialogue.effort] if dialogue.replay_analysis else None
        messages += _tool_turn(current.call, reasoning)
    tools = tuple(
        FunctionTool(name=tool.name, description=tool.description, parameters=tool.parameters)
        for tool in dialogue.tools
    )
    date = datetime.date.fromisoformat(dialogue.date)
    system = SystemMessage(effort=ReasoningEffort(dialogue.effort), current_date=date)
    return Conversation(messages=tuple(messages), system=system, tools=tools)


def test_prompts_equal_those_of_the_server(
    generator: Generator, vocabulary: Vocabulary, encoding: HarmonyEncoding
) -> None:
    renderer = Renderer(vocabulary)

    for seed in _SEEDS:
        dialogue = generator.dialogue(seed)
        assert tuple(render_prompt(dialogue, encoding)) == renderer.render(_as_served(dialogue)).ids, seed


def test_only_what_the_assistant_writes_is_learned(generator: Generator, encoding: HarmonyEncoding) -> None:
    for seed in _SEEDS:
        dialogue = replace(generator.dialogue(seed), replay_call=False)
        rendered = render(dialogue, encoding)
        learned = encoding.decode(
            [t for t, learn in zip(rendered.tokens, rendered.learn, strict=True) if learn]
        )

        assert rendered.tokens[: rendered.learn.index(True)] == render_prompt(dialogue, encoding)
        assert learned.endswith(f"<|channel|>final<|message|>{dialogue.current.answer}<|return|>")
        assert dialogue.current.working[dialogue.effort] in learned


def test_replies_stop_with_the_token_of_their_kind(generator: Generator, encoding: HarmonyEncoding) -> None:
    for seed in _SEEDS:
        dialogue = replace(generator.dialogue(seed), replay_call=False)
        tokens = render(dialogue, encoding).tokens

        assert tokens[-1] == _RETURN
        calls = sum(exchange.call is not None for exchange in (*dialogue.history, dialogue.current))
        assert tokens.count(_CALL) == calls
