"""Replies and events in a form that a person reads: how the goldens of corpus/ are written.

A token stream is a list of control tokens as they are written, of texts, which the vocabulary encodes, and of
objects: `text` for what only looks like a control token, `bytes` (hex) for single-byte tokens, `id` for any.
Events are lists that begin with what they are; neighbouring deltas of one kind are joined.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias, assert_never

from optiq_harmony.events import (
    Event,
    Fault,
    MessageEnd,
    ReasoningDelta,
    Stop,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
)
from optiq_harmony.parser import Parser
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, ControlToken
from optiq_harmony.vocabulary import Vocabulary

SpelledTokens: TypeAlias = list[str | dict[str, str | int]]
SpelledEvent: TypeAlias = list[str | int]
Content: TypeAlias = tuple[str, str | None, str]
"""A message's kind (reasoning, text or call), the function that it calls, and its text."""

_CONTROL = {f"<|{token.name.lower().replace('_', '')}|>": int(token) for token in ControlToken}


class Speller:
    """Turns spelled tokens into ids."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._bytes = {
            vocabulary.token_bytes(token): token
            for token in range(FIRST_SPECIAL_TOKEN)
            if len(vocabulary.token_bytes(token)) == 1
        }

    def tokens(self, spelled: SpelledTokens) -> list[int]:
        return [token for piece in spelled for token in self._piece(piece)]

    def byte_tokens(self, data: bytes) -> list[int]:
        """One token for each byte."""
        return [self._bytes[bytes([byte])] for byte in data]

    def _piece(self, piece: str | dict[str, str | int]) -> Iterable[int]:
        match piece:
            case str():
                return [_CONTROL[piece]] if piece in _CONTROL else self._vocabulary.encode_text(piece)
            case {"text": str(text)}:
                return self._vocabulary.encode_text(text)
            case {"bytes": str(data)}:
                return self.byte_tokens(bytes.fromhex(data))
            case {"id": int(token)}:
                return [token]
            case _:
                raise ValueError(f"no token is spelled {piece!r}")


def parse(vocabulary: Vocabulary, tokens: Iterable[int]) -> list[Event]:
    """All events of one reply, finish included."""
    parser = Parser(vocabulary)
    return [*(event for token in tokens for event in parser.feed(token)), *parser.finish()]


def contents(events: Iterable[Event]) -> list[Content]:
    """The messages that have text or call a function, in order, their deltas joined."""
    found: list[Content] = []
    open_message = False
    for event in events:
        match event:
            case ToolCallStart(name=name):
                found.append(("call", name, ""))
                open_message = True
            case ReasoningDelta(text=text) | TextDelta(text=text) | ToolCallDelta(arguments=text):
                kind = "reasoning" if isinstance(event, ReasoningDelta) else "text"
                if not open_message:
                    found.append((kind, None, ""))
                open_message = True
                found[-1] = (*found[-1][:2], found[-1][2] + text)
            case MessageEnd():
                open_message = False
            case Fault() | Stop():
                pass
    return found


def spell(events: Iterable[Event]) -> list[SpelledEvent]:
    return [
        joined for key, group in groupby(map(_spell, events), _joins_with) for joined in _join(key, group)
    ]


def _spell(event: Event) -> SpelledEvent:
    match event:
        case ReasoningDelta():
            return ["reasoning", event.text]
        case TextDelta():
            return ["text", event.text]
        case ToolCallStart():
            return ["call", event.index, event.name]
        case ToolCallDelta():
            return ["arguments", event.index, event.arguments]
        case MessageEnd():
            return ["message_end", event.complete]
        case Fault():
            return ["fault", event.kind.value, event.detail]
        case Stop():
            return ["stop", event.reason.value]
        case _:
            assert_never(event)


def _joins_with(spelled: SpelledEvent) -> SpelledEvent:
    return spelled[:-1] if spelled[0] in ("reasoning", "text", "arguments") else []


def _join(key: SpelledEvent, group: Iterator[SpelledEvent]) -> Iterator[SpelledEvent]:
    if key:
        yield [*key, "".join(str(spelled[-1]) for spelled in group)]
    else:
        yield from group
