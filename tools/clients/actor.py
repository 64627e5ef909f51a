"""Plays the model: reads a rendered prompt, and calls the tools of a task, one after the other.

It knows harmony as text, and nothing of the client or of HTTP. A request that is not about the task, such as
one for a title, is answered with a few words.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.engine.types import GenerationRequest

_ASIDE = "A greeting in a file"
_DECLARATION = re.compile(r"^type ([\w.-]+) = ", re.MULTILINE)
_TOOL_RESULT = re.compile(
    r"<\|start\|>functions\.\S+ to=assistant<\|channel\|>commentary<\|message\|>(.*?)<\|end\|>", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that the task needs."""

    tool: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the user asks, the calls that do it, and the answer after the last of them."""

    prompt: str
    calls: Sequence[Call]
    answer: str


class Actor:
    """Replies by the task's script. What the tools answered is kept, for the caller to check."""

    def __init__(self, vocabulary: Vocabulary, task: Task) -> None:
        self._vocabulary = vocabulary
        self._task = task
        self.prompt_tokens: list[int] = []
        self.tool_results: tuple[str, ...] = ()

    def reply(self, request: GenerationRequest) -> tuple[int, ...]:
        """What the model says, from after `<|start|>assistant` to a stop token."""
        self.prompt_tokens.append(len(request.prompt))
        prompt = b"".join(map(self._vocabulary.token_bytes, request.prompt)).decode()
        _, asked, since = prompt.rpartition(self._task.prompt)
        declared = set(_DECLARATION.findall(prompt))
        if not asked or not declared.issuperset(call.tool for call in self._task.calls):
            return self._final(_ASIDE)
        self.tool_results = tuple(_TOOL_RESULT.findall(since))
        done = len(self.tool_results)
        if done < len(self._task.calls):
            return self._call(self._task.calls[done])
        return self._final(self._task.answer)

    def _call(self, call: Call) -> tuple[int, ...]:
        header = (
            ControlToken.CHANNEL,
            *self._encode(f"commentary to=functions.{call.tool} "),
            ControlToken.CONSTRAIN,
            *self._encode("json"),
            ControlToken.MESSAGE,
        )
        arguments = self._encode(json.dumps(call.arguments))
        return (*self._thought(f"I use {call.tool}."), *header, *arguments, ControlToken.CALL)

    def _final(self, text: str) -> tuple[int, ...]:
        header = (ControlToken.CHANNEL, *self._encode("final"), ControlToken.MESSAGE)
        return (*self._thought("I answer."), *header, *self._encode(text), ControlToken.RETURN)

    def _thought(self, text: str) -> tuple[int, ...]:
        header = (ControlToken.CHANNEL, *self._encode("analysis"), ControlToken.MESSAGE)
        next_message = (ControlToken.END, ControlToken.START, *self._encode("assistant"))
        return (*header, *self._encode(text), *next_message)

    def _encode(self, text: str) -> tuple[int, ...]:
        return self._vocabulary.encode_text(text)
