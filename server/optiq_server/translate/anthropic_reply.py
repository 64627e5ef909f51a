"""The wire format of Anthropic's API: pieces of a reply as blocks, streamed or in one message. Pure.

Rule 1: neighbouring pieces of one kind are one block; each call is a block of its own.
Rule 2: the blank line that parts two messages of one kind is left out where a block parts them.
Rule 3: input tokens that were found in the cache are counted apart, as Anthropic does.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, assert_never

from optiq_harmony.events import ReasoningDelta, ToolCallDelta, ToolCallStart
from optiq_server.translate.reply import MESSAGE_SEPARATOR, Finished, FinishReason, Piece, Text, Usage

JsonObject: TypeAlias = dict[str, object]
_Kind: TypeAlias = Literal["thinking", "text", "tool_use"]

_SIGNATURE = "optiq"
"""Proves nothing: clients send thinking back only where it has a signature, and this server believes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """What a reply is known by."""

    id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delta:
    """Text of one block: `opens` where it is the block's first, possibly empty; `name` is a tool's."""

    kind: _Kind
    text: str
    opens: bool
    name: str = ""


class _Blocks:
    """Cuts pieces into blocks, by rules 1 and 2."""

    def __init__(self) -> None:
        self._open: _Kind | None = None
        self._seen: set[_Kind] = set()

    def read(self, piece: Piece) -> _Delta:
        match piece:
            case ToolCallStart(name=name):
                self._open = "tool_use"
                return _Delta(kind="tool_use", text="", opens=True, name=name)
            case ToolCallDelta(arguments=arguments):
                return _Delta(kind="tool_use", text=arguments, opens=False)
            case ReasoningDelta(text=text):
                return self._said("thinking", text)
            case Text(text=text):
                return self._said("text", text)
            case _:
                assert_never(piece)

    def _said(self, kind: _Kind, text: str) -> _Delta:
        opens = self._open != kind
        if opens and kind in self._seen:
            text = text.removeprefix(MESSAGE_SEPARATOR)
        self._open = kind
        self._seen.add(kind)
        return _Delta(kind=kind, text=text, opens=opens)


class MessageEvents:
    """A reply as events: `begin`, `of` for what comes, `end`. `new_call_id` gives the ids of calls."""

    def __init__(self, head: MessageHead, *, new_call_id: Callable[[], str]) -> None:
        self._head = head
        self._new_call_id = new_call_id
        self._blocks = _Blocks()
        self._index = -1
        self._kind: _Kind | None = None

    def begin(self, prompt_tokens: int) -> list[JsonObject]:
        """What is known before the model has said anything: how long the prompt is."""
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=0, cached_tokens=0, reasoning_tokens=0)
        return [
            {"type": "message_start", "message": _message(self._head, [], None, usage)},
            {"type": "ping"},
        ]

    def of(self, pieces: Sequence[Piece]) -> list[JsonObject]:
        return [event for piece in pieces for event in self._events(self._blocks.read(piece))]

    def end(self, finished: Finished) -> list[JsonObject]:
        stopped = {"stop_reason": _stop_reason(finished), "stop_sequence": finished.stop_string}
        return [
            *self._close(),
            {"type": "message_delta", "delta": stopped, "usage": _usage(finished.usage)},
            {"type": "message_stop"},
        ]

    def _events(self, delta: _Delta) -> Iterator[JsonObject]:
        if delta.opens:
            yield from self._close()
            self._index += 1
            self._kind = delta.kind
            block = _block(delta.kind, "", name=delta.name, new_call_id=self._new_call_id)
            yield {"type": "content_block_start", "index": self._index, "content_block": block}
        if delta.text:
            yield self._delta(_delta(delta))

    def _close(self) -> Iterator[JsonObject]:
        if self._kind is None:
            return
        if self._kind == "thinking":
            yield self._delta({"type": "signature_delta", "signature": _SIGNATURE})
        yield {"type": "content_block_stop", "index": self._index}
        self._kind = None

    def _delta(self, delta: JsonObject) -> JsonObject:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def message(
    head: MessageHead, pieces: Sequence[Piece], finished: Finished, *, new_call_id: Callable[[], str]
) -> JsonObject:
    """The body of a reply that is not streamed."""
    content = [
        _whole_block(each.kind, "".join(each.texts), name=each.name, new_call_id=new_call_id)
        for each in _written(pieces)
    ]
    return _message(head, content, finished, finished.usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A block as it was written."""

    kind: _Kind
    name: str
    texts: list[str] = field(default_factory=list)


def _written(pieces: Sequence[Piece]) -> list[_Written]:
    blocks = _Blocks()
    written: list[_Written] = []
    for delta in map(blocks.read, pieces):
        if delta.opens:
            written.append(_Written(kind=delta.kind, name=delta.name))
        written[-1].texts.append(delta.text)
    return written


def _whole_block(kind: _Kind, text: str, *, name: str, new_call_id: Callable[[], str]) -> JsonObject:
    block = _block(kind, text, name=name, new_call_id=new_call_id)
    match kind:
        case "thinking":
            return {**block, "signature": _SIGNATURE}
        case "tool_use":
            return {**block, "input": _input(text)}
        case "text":
            return block
        case _:
            assert_never(kind)


def _block(kind: _Kind, text: str, *, name: str, new_call_id: Callable[[], str]) -> JsonObject:
    """A block; a call's input is not in it."""
    match kind:
        case "thinking":
            return {"type": "thinking", "thinking": text, "signature": ""}
        case "text":
            return {"type": "text", "text": text, "citations": None}
        case "tool_use":
            return {"type": "tool_use", "id": new_call_id(), "name": name, "input": {}}
        case _:
            assert_never(kind)


def _delta(delta: _Delta) -> JsonObject:
    match delta.kind:
        case "thinking":
            return {"type": "thinking_delta", "thinking": delta.text}
        case "text":
            return {"type": "text_delta", "text": delta.text}
        case "tool_use":
            return {"type": "input_json_delta", "partial_json": delta.text}
        case _:
            assert_never(delta.kind)


def _input(arguments: str) -> object:
    """A call's arguments. What is no JSON object is kept in the way that Anthropic's guide tells clients."""
    try:
        read = json.loads(arguments or "{}")
        # What Python reads beyond JSON, such as NaN or half a surrogate pair, cannot be sent.
        json.dumps(read, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"INVALID_JSON": arguments}


def _message(
    head: MessageHead, content: list[JsonObject], finished: Finished | None, usage: Usage
) -> JsonObject:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": None if finished is None else _stop_reason(finished),
        "stop_sequence": None if finished is None else finished.stop_string,
        "usage": _usage(usage),
    }


def _stop_reason(finished: Finished) -> str:
    if finished.stop_string is not None:
        return "stop_sequence"
    match finished.reason:
        case FinishReason.STOP:
            return "end_turn"
        case FinishReason.LENGTH:
            return "max_tokens"
        case FinishReason.TOOL_CALLS:
            return "tool_use"
        case _:
            assert_never(finished.reason)


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
