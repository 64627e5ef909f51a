"""Scripted stand-ins: a parser that plays events, replies as token ids, ids that count."""

import itertools
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from optiq_harmony.events import Event
from optiq_harmony.tokens import VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import Ended, EndReason, GenerationRequest, ModelInfo

MODEL = ModelInfo(
    architecture="gpt_oss", context_length=4096, vocabulary_size=VOCABULARY_SIZE, weight_bytes=1_000
)


def unhurried(*scripts: Script) -> ScriptedBackend:
    """A model with room for an endless reply, in steps of a millisecond: it ends when it is told to.

    It plays the scripts in turn, and the last one from then on.
    """
    following = itertools.chain(scripts, itertools.repeat(scripts[-1]))
    return ScriptedBackend(
        lambda _: next(following),
        info=replace(MODEL, context_length=10**9),
        pace=lambda: threading.Event().wait(0.001),
    )


class ScriptedParser:
    """Token n tells `events[n]`, and the end tells `at_end`."""

    def __init__(self, events: Sequence[tuple[Event, ...]], at_end: tuple[Event, ...] = ()) -> None:
        self._events = events
        self._at_end = at_end

    def feed(self, token: int) -> tuple[Event, ...]:
        return self._events[token]

    def finish(self) -> tuple[Event, ...]:
        return self._at_end


def ended(reason: EndReason = EndReason.STOP, *, completion_tokens: int = 7) -> Ended:
    return Ended(reason=reason, prompt_tokens=10, completion_tokens=completion_tokens, cached_tokens=4)


class CountedIds:
    """Ids in order: `call_0`, `call_1`."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, prefix: str = "call_") -> str:
        self._count += 1
        return f"{prefix}{self._count - 1}"


class Replies:
    """Replies of a model as token ids: what follows `<|start|>assistant`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def final(self, text: str, *, analysis: str = "") -> tuple[int, ...]:
        """An answer, with reasoning before it if given."""
        thought = (*self._message("analysis", analysis), *self._next()) if analysis else ()
        return (*thought, *self._message("final", text)[:-1], ControlToken.RETURN)

    def call(self, name: str, arguments: str, *, analysis: str = "", preamble: str = "") -> tuple[int, ...]:
        """A function call, with reasoning and a preamble before it if given."""
        thought = (*self._message("analysis", analysis), *self._next()) if analysis else ()
        spoken = (*self._message("commentary", preamble), *self._next()) if preamble else ()
        header = (
            ControlToken.CHANNEL,
            *self.encode(f"commentary to=functions.{name} "),
            ControlToken.CONSTRAIN,
            *self.encode("json"),
            ControlToken.MESSAGE,
        )
        return (*thought, *spoken, *header, *self.encode(arguments), ControlToken.CALL)

    def custom_call(self, name: str, text: str, *, analysis: str = "") -> tuple[int, ...]:
        """A custom tool's call, with reasoning before it if given."""
        thought = (*self._message("analysis", analysis), *self._next()) if analysis else ()
        body = self._message(f"commentary to=functions.{name}", text)[:-1]
        return (*thought, *body, ControlToken.CALL)

    def endless_analysis(self) -> Iterable[int]:
        """Reasoning that never ends."""
        header = (ControlToken.CHANNEL, *self.encode("analysis"), ControlToken.MESSAGE)
        return itertools.chain(header, itertools.cycle(self.encode(" hm")))

    def endless_final(self) -> Iterable[int]:
        """An answer that never ends."""
        header = (ControlToken.CHANNEL, *self.encode("final"), ControlToken.MESSAGE)
        return itertools.chain(header, itertools.cycle(self.encode(" and so on")))

    def encode(self, text: str) -> tuple[int, ...]:
        return self._vocabulary.encode_text(text)

    def prompt_text(self, prompt: Sequence[int]) -> str:
        """A prompt as text, its control tokens in their written form."""
        return b"".join(map(self._vocabulary.token_bytes, prompt)).decode()

    def _message(self, channel: str, text: str) -> tuple[int, ...]:
        header = (ControlToken.CHANNEL, *self.encode(channel), ControlToken.MESSAGE)
        return (*header, *self.encode(text), ControlToken.END)

    def _next(self) -> tuple[int, ...]:
        return (ControlToken.START, *self.encode("assistant"))


class RememberingModel:
    """A scripted model that remembers its prompts."""

    def __init__(self, replies: Replies, *script: tuple[int, ...]) -> None:
        self.prompts: list[str] = []
        self._replies = replies
        self._script = script

    def __call__(self, request: GenerationRequest) -> tuple[int, ...]:
        self.prompts.append(self._replies.prompt_text(request.prompt))
        return self._script[len(self.prompts) - 1]
