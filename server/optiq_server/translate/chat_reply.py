"""The wire format of a chat completion: pieces of a reply as stream chunks, or as one body. Pure.

Both are made from the same pieces, so a client that joins the chunks has the body. Reasoning goes out in two
spellings at once, because half of the clients read `reasoning_content` and half `reasoning`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from optiq_harmony.events import ReasoningDelta, ToolCallDelta, ToolCallStart
from optiq_server.translate.functions import with_function_call
from optiq_server.translate.reply import Finished, FinishReason, Piece, Text, Usage
from optiq_server.translate.usage import usage_object

JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHead:
    """What every chunk of a reply repeats. `created` is in seconds since 1970."""

    id: str
    created: int
    model: str
    system_fingerprint: str


class ChatChunks:
    """Pieces as chunks: `of` for what comes of each sample, `end` once for each sample, `closing` once.

    `new_call_id` gives the ids of calls; those of `custom_tools` are told as text, and with `legacy_calls` a
    call is told as `function_call`. `include_usage` adds a last chunk with the token counts, and null for
    them in all others.
    """

    def __init__(
        self,
        head: ReplyHead,
        *,
        new_call_id: Callable[[], str],
        token_bytes: Callable[[int], bytes],
        include_usage: bool,
        custom_tools: frozenset[str] = frozenset(),
        legacy_calls: bool = False,
    ) -> None:
        self._head = head
        self._new_call_id = new_call_id
        self._token_bytes = token_bytes
        self._include_usage = include_usage
        self._custom_tools = custom_tools
        self._legacy_calls = legacy_calls
        self._custom_calls: set[tuple[int, int]] = set()
        self._opened: set[int] = set()
        self._usages: list[Usage] = []

    def of(self, index: int, pieces: Iterable[Piece]) -> list[JsonObject]:
        """Sample `index`'s news; its first chunk tells the role."""
        chunks = [self._of(index, piece) for piece in pieces]
        return [*self._opening(index), *chunks] if chunks else []

    def end(self, index: int, finished: Finished) -> list[JsonObject]:
        self._usages.append(finished.usage)
        reason = _finish_reason(finished, legacy_calls=self._legacy_calls)
        return [*self._opening(index), self._chunk(index, {}, reason=reason)]

    def closing(self) -> list[JsonObject]:
        """What follows the last sample's end."""
        return [self._envelope([], usage_object(self._usages))] if self._include_usage else []

    def _opening(self, index: int) -> list[JsonObject]:
        if index in self._opened:
            return []
        self._opened.add(index)
        return [self._chunk(index, {"role": "assistant", "content": ""})]

    def _of(self, index: int, piece: Piece) -> JsonObject:
        logprobs = _logprobs([piece], self._token_bytes)
        delta = self._delta(index, piece)
        return self._chunk(
            index, with_function_call(delta) if self._legacy_calls else delta, logprobs=logprobs
        )

    def _delta(self, sample: int, piece: Piece) -> JsonObject:
        match piece:
            case Text(text=text):
                return {"content": text}
            case ReasoningDelta(text=text):
                return {"reasoning_content": text, "reasoning": text}
            case ToolCallStart(index=index, name=name):
                is_custom = name in self._custom_tools
                if is_custom:
                    self._custom_calls.add((sample, index))
                call = _call(self._new_call_id(), name, "", is_custom=is_custom)
                return {"tool_calls": [{"index": index, **call}]}
            case ToolCallDelta(index=index, arguments=arguments):
                is_custom = (sample, index) in self._custom_calls
                more = (
                    {"custom": {"input": arguments}} if is_custom else {"function": {"arguments": arguments}}
                )
                return {"tool_calls": [{"index": index, **more}]}
            case _:
                assert_never(piece)

    def _chunk(
        self,
        index: int,
        delta: JsonObject,
        *,
        reason: str | None = None,
        logprobs: JsonObject | None = None,
    ) -> JsonObject:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
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
    head: ReplyHead,
    samples: Sequence[tuple[Sequence[Piece], Finished]],
    *,
    new_call_id: Callable[[], str],
    token_bytes: Callable[[int], bytes],
    custom_tools: frozenset[str] = frozenset(),
    legacy_calls: bool = False,
) -> JsonObject:
    """The body of a reply that is not streamed, with one choice a sample."""
    messages = [_message(pieces, new_call_id, custom_tools) for pieces, _ in samples]
    choices = [
        {
            "index": index,
            "message": with_function_call(messages[index]) if legacy_calls else messages[index],
            "logprobs": _logprobs(pieces, token_bytes),
            "finish_reason": _finish_reason(finished, legacy_calls=legacy_calls),
        }
        for index, (pieces, finished) in enumerate(samples)
    ]
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": head.system_fingerprint,
        "choices": choices,
        "usage": usage_object([finished.usage for _, finished in samples]),
    }


def _message(
    pieces: Iterable[Piece], new_call_id: Callable[[], str], custom_tools: frozenset[str]
) -> JsonObject:
    """Pieces joined. Content is null only where calls stand in its place."""
    text: list[str] = []
    reasoning: list[str] = []
    names: dict[int, str] = {}
    arguments: dict[int, list[str]] = {}
    for piece in pieces:
        match piece:
            case Text():
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
            _call(new_call_id(), name, "".join(arguments[index]), is_custom=name in custom_tools)
            for index, name in names.items()
        ]
    return message


def _finish_reason(finished: Finished, *, legacy_calls: bool) -> str:
    is_call = finished.reason is FinishReason.TOOL_CALLS
    return "function_call" if legacy_calls and is_call else finished.reason


def _call(call_id: str, name: str, arguments: str, *, is_custom: bool) -> JsonObject:
    if is_custom:
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": arguments}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _logprobs(pieces: Iterable[Piece], token_bytes: Callable[[int], bytes]) -> JsonObject | None:
    """The log-probabilities that came with the text; None where none did."""
    entries = [
        {
            **_token(each.token, each.logprob, token_bytes),
            "top_logprobs": [_token(token, logprob, token_bytes) for token, logprob in each.top],
        }
        for piece in pieces
        if isinstance(piece, Text)
        for each in piece.logprobs
    ]
    return {"content": entries, "refusal": None} if entries else None


def _token(token: int, logprob: float, token_bytes: Callable[[int], bytes]) -> JsonObject:
    raw = token_bytes(token)
    return {"token": raw.decode(errors="replace"), "logprob": logprob, "bytes": list(raw)}
