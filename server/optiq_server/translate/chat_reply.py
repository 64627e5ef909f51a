"""The wire format of a chat completion: pieces of a reply as stream chunks, or as one body. Pure.

Both are made from the same pieces, so a client that joins the chunks has the body. Reasoning goes out in two
spellings at once, because half of the clients read `reasoning_content` and half `reasoning`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from optiq_harmony.events import ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStart
from optiq_server.translate.reply import Finished, FinishReason, Piece, Usage

JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHead:
    """What every chunk of a reply repeats. `created` is in seconds since 1970."""

    id: str
    created: int
    model: str
    system_fingerprint: str


class ChatChunks:
    """Pieces as chunks, in order: `opening`, `of` for each piece, `closing`.

    `new_call_id` gives the ids of calls. `include_usage` adds a last chunk with the token counts, and null
    for them in all others.
    """

    def __init__(self, head: ReplyHead, *, new_call_id: Callable[[], str], include_usage: bool) -> None:
        self._head = head
        self._new_call_id = new_call_id
        self._include_usage = include_usage

    def opening(self) -> JsonObject:
        return self._chunk({"role": "assistant", "content": ""})

    def of(self, piece: Piece) -> JsonObject:
        return self._chunk(_delta(piece, self._new_call_id))

    def closing(self, finished: Finished) -> list[JsonObject]:
        last = self._chunk({}, finished.reason)
        if not self._include_usage:
            return [last]
        return [last, self._envelope([], _usage(finished.usage))]

    def _chunk(self, delta: JsonObject, reason: FinishReason | None = None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._envelope([choice], None)

    def _envelope(self, choices: list[JsonObject], usage: JsonObject | None) -> JsonObject:
        chunk: JsonObject = {
            "id": self._head.id,
            "object": "chat.completion.chunk",
            "created": self._head.created,
            "model": self._head.model,
            "system_fingerprint": self._head.system_fingerprint,
            "choices": choices,
        }
        if self._include_usage:
            chunk["usage"] = usage
        return chunk


def chat_completion(
    head: ReplyHead, pieces: Iterable[Piece], finished: Finished, *, new_call_id: Callable[[], str]
) -> JsonObject:
    """The body of a reply that is not streamed."""
    choice = {
        "index": 0,
        "message": _message(pieces, new_call_id),
        "logprobs": None,
        "finish_reason": finished.reason,
    }
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": head.system_fingerprint,
        "choices": [choice],
        "usage": _usage(finished.usage),
    }


def _delta(piece: Piece, new_call_id: Callable[[], str]) -> JsonObject:
    match piece:
        case TextDelta(text=text):
            return {"content": text}
        case ReasoningDelta(text=text):
            return {"reasoning_content": text, "reasoning": text}
        case ToolCallStart(index=index, name=name):
            function = {"name": name, "arguments": ""}
            call = {"index": index, "id": new_call_id(), "type": "function", "function": function}
            return {"tool_calls": [call]}
        case ToolCallDelta(index=index, arguments=arguments):
            return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}
        case _:
            assert_never(piece)


def _message(pieces: Iterable[Piece], new_call_id: Callable[[], str]) -> JsonObject:
    """Pieces joined. Content is null only where calls stand in its place."""
    text: list[str] = []
    reasoning: list[str] = []
    names: dict[int, str] = {}
    arguments: dict[int, list[str]] = {}
    for piece in pieces:
        match piece:
            case TextDelta():
                text.append(piece.text)
            case ReasoningDelta():
                reasoning.append(piece.text)
            case ToolCallStart():
                names[piece.index] = piece.name
                arguments[piece.index] = []
            case ToolCallDelta():
                arguments[piece.index].append(piece.arguments)
            case _:
                assert_never(piece)
    content = "".join(text) if text or not names else None
    message: JsonObject = {"role": "assistant", "content": content, "refusal": None}
    if reasoning:
        message["reasoning_content"] = message["reasoning"] = "".join(reasoning)
    if names:
        message["tool_calls"] = [
            _call(new_call_id(), name, "".join(arguments[index])) for index, name in names.items()
        ]
    return message


def _call(call_id: str, name: str, arguments: str) -> JsonObject:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
