"""Tokens and a parser's events as they are shown to people: one entry a token, one an event. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
from optiq_harmony.utf8 import Utf8Decoder
from optiq_server.dialect.protocol import Dialect, ReplyParser

JsonObject: TypeAlias = dict[str, object]

_BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTokens:
    """What a parser tells of a reply. Each entry names the token, by its index, with which it was told."""

    events: list[JsonObject]
    faults: list[JsonObject]


def token_views(dialect: Dialect, tokens: Sequence[int]) -> list[JsonObject]:
    """Each token's text and place. A character that several tokens make is the last one's text."""
    shown = zip(tokens, _texts(dialect, tokens), dialect.places(tokens), strict=True)
    return [
        {
            "id": token,
            "text": text,
            "kind": kind,
            "channel": place.channel,
            "message": place.message,
            "role": place.role,
        }
        for token, (kind, text), place in shown
    ]


def parsed_tokens(parser: ReplyParser, tokens: Sequence[int], start: int) -> ParsedTokens:
    """The events of the reply that begins at `start`; what its end tells belongs to the last token."""
    told = ParsedTokens(events=[], faults=[])
    for index in range(start, len(tokens)):
        _tell(told, index, parser.feed(tokens[index]))
    if start < len(tokens):
        _tell(told, len(tokens) - 1, parser.finish())
    return told


def _tell(told: ParsedTokens, index: int, events: Sequence[Event]) -> None:
    for event in events:
        if isinstance(event, Fault):
            told.faults.append({"token": index, "message": f"{event.kind}: {event.detail}"})
        else:
            told.events.append({"token": index, "type": _type(event), **_fields(event)})


def _type(event: Event) -> str:
    match event:
        case ReasoningDelta():
            return "reasoning"
        case TextDelta():
            return "text"
        case ToolCallStart():
            return "tool_call"
        case ToolCallDelta():
            return "tool_call_arguments"
        case MessageEnd():
            return "message_end"
        case Stop():
            return "stop"
        case Fault():
            return "fault"
        case _:
            assert_never(event)


def _fields(event: Event) -> Mapping[str, object]:
    return asdict(event)


def _texts(dialect: Dialect, tokens: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Each token's kind and text."""
    decoder = Utf8Decoder()
    for index, token in enumerate(tokens):
        piece = dialect.token_bytes(token)
        if token in dialect.control_tokens:
            yield "control", piece.decode(errors="replace")
            continue
        text = decoder.feed(piece)
        is_last = index + 1 == len(tokens) or tokens[index + 1] in dialect.control_tokens
        if is_last and decoder.finish():
            text += _BROKEN
        yield ("text" if text else "partial"), text
