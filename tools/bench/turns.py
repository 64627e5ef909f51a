"""Time to the first token where most of a prompt was there before, against the same prompt from cold.

A conversation of about `_TOKENS` tokens of which three continuations are asked for:
- the next turn: the reasoning of the last reply is dropped, its answer and a new question are added;
- the next step of a tool loop: a call and its result are added, the reasoning stays;
- a branch: an earlier question is asked in another way.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    FunctionTool,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EngineLimits, GenerationRequest
from tools.bench.stepping import greedy, time_to_first_token

_TOKENS = 4000
_KINDS = ("next turn", "tool loop", "branch", "edit in the middle")
_WORDS = ("river", "stone", "apple", "window", "green", "table", "paper", "light", "seven", "garden")
_TOOL = FunctionTool(name="look_up", description="Looks a word up.", parameters={"type": "object"})


def measure(loaded: LoadedModel, dialect: HarmonyDialect, *, rounds: int) -> dict[str, list[float]]:
    """For each kind of continuation the ratios of its time to first token, warm to cold."""
    ratios: dict[str, list[float]] = {name: [] for name in _KINDS}
    for number in range(rounds + 1):
        history = _history(random.Random(number), dialect)
        before = _request(dialect, history)
        for name, after in _continuations(history).items():
            request = _request(dialect, after)
            # The first round warms up.
            ratio = _warm(loaded, before, request) / _cold(loaded, request)
            ratios[name] += [ratio] if number else []
    return ratios


def shared_bytes(loaded: LoadedModel, dialect: HarmonyDialect, *, conversations: int = 20) -> float:
    """Bytes kept for conversations that share a preamble of `_TOKENS` tokens, to as many separate caches."""
    preamble = _history(random.Random(0), dialect)
    asked = [
        _request(dialect, (*preamble, UserMessage(text=f"Repeat: {_text(random.Random(number), 20)}")))
        for number in range(conversations)
    ]
    together = MlxBackend(loaded, EngineLimits(cache_bytes=1 << 40))
    apart = 0
    for request in asked:
        time_to_first_token(together, request)
        alone = MlxBackend(loaded, EngineLimits(cache_bytes=1 << 40))
        time_to_first_token(alone, request)
        apart += alone.prefixes.nbytes
    return together.prefixes.nbytes / apart


def _continuations(history: Sequence[Message]) -> dict[str, tuple[Message, ...]]:
    asked = history[-1]
    if not isinstance(asked, UserMessage):
        raise TypeError("a history ends with a question")
    answer = AssistantMessage(reasoning="I repeat it.", text="river stone")
    call = AssistantMessage(reasoning="I look it up.", tool_calls=(ToolCall(name="look_up", arguments="{}"),))
    middle = len(history) // 2 // 2 * 2
    return {
        "next turn": (*history, answer, UserMessage(text="Repeat: green table")),
        "tool loop": (*history, call, ToolMessage(name="look_up", text='{"found": 3}')),
        "branch": (*history[: len(history) - 1], UserMessage(text=f"{asked.text} again")),
        "edit in the middle": (*history[:middle], UserMessage(text="Repeat: paper light")),
    }


def _history(source: random.Random, dialect: HarmonyDialect) -> tuple[Message, ...]:
    """Questions and answers that make a prompt of about `_TOKENS` tokens and end with a question."""
    messages: list[Message] = [UserMessage(text=f"Repeat: {_text(source, 60)}")]
    while len(_request(dialect, messages).prompt) < _TOKENS:
        messages += [
            AssistantMessage(text=_text(source, 60)),
            UserMessage(text=f"Repeat: {_text(source, 60)}"),
        ]
    return tuple(messages)


def _text(source: random.Random, words: int) -> str:
    return " ".join(source.choices(_WORDS, k=words))


def _request(dialect: HarmonyDialect, messages: Sequence[Message]) -> GenerationRequest:
    rendered = dialect.render(Conversation(messages=tuple(messages), tools=(_TOOL,)))
    request = greedy(rendered.ids, max_tokens=1, boundaries=rendered.boundaries)
    return replace(request, message_ends=dialect.message_ends)


def _warm(loaded: LoadedModel, before: GenerationRequest, request: GenerationRequest) -> float:
    backend = MlxBackend(loaded, EngineLimits(cache_bytes=1 << 40))
    time_to_first_token(backend, before)
    seconds, cached = time_to_first_token(backend, request)
    if not cached:
        raise ValueError("nothing was cached")
    return seconds


def _cold(loaded: LoadedModel, request: GenerationRequest) -> float:
    return time_to_first_token(MlxBackend(loaded, EngineLimits(cache_bytes=0)), request)[0]
