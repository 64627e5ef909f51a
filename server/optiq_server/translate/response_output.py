"""The output items of a response, each while it is written: a reasoning, a message, a call. Pure.

An item tells the events of its own life, in OpenAI's order and without their sequence numbers. What item it
is at any time is told by `item`, so that events and the whole response cannot differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from optiq_server.engine.types import TokenLogprobs
from optiq_server.translate.encoded_reasoning import encode_reasoning
from optiq_server.translate.tools import CalledTool

JsonObject: TypeAlias = dict[str, object]
ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class OutputItem(Protocol):
    """An item that is being written at place `index` of the output."""

    def opened(self) -> list[JsonObject]:
        """The events of its beginning."""

    def closed(self) -> list[JsonObject]:
        """The events of its end; the item itself is told by the response."""

    def item(self, status: ItemStatus) -> JsonObject:
        """The item as it is now."""


@dataclass(slots=True, kw_only=True)
class ReasoningItem:
    """What the model thinks, as `reasoning_text`."""

    id: str
    index: int
    is_encoded: bool
    _texts: list[str] = field(default_factory=list)

    def opened(self) -> list[JsonObject]:
        return [self._event("response.content_part.added", part=_reasoning_part(""))]

    def add(self, text: str) -> list[JsonObject]:
        self._texts.append(text)
        return [self._event("response.reasoning_text.delta", delta=text)]

    def closed(self) -> list[JsonObject]:
        text = "".join(self._texts)
        return [
            self._event("response.reasoning_text.done", text=text),
            self._event("response.content_part.done", part=_reasoning_part(text)),
        ]

    def item(self, status: ItemStatus) -> JsonObject:
        text = "".join(self._texts)
        item: JsonObject = {
            "id": self.id,
            "type": "reasoning",
            "summary": [],
            "content": [_reasoning_part(text)] if text else [],
            "status": status,
        }
        return {**item, "encrypted_content": encode_reasoning(text)} if self.is_encoded else item

    def _event(self, kind: str, **fields: object) -> JsonObject:
        return {"type": kind, "item_id": self.id, "output_index": self.index, "content_index": 0, **fields}


@dataclass(slots=True, kw_only=True)
class MessageItem:
    """What the user sees, as one `output_text`. `token_bytes` spells the tokens of log-probabilities."""

    id: str
    index: int
    token_bytes: Callable[[int], bytes]
    _texts: list[str] = field(default_factory=list)
    _logprobs: list[JsonObject] = field(default_factory=list)

    def opened(self) -> list[JsonObject]:
        return [self._event("response.content_part.added", part=_text_part("", []))]

    def add(self, text: str, logprobs: Sequence[TokenLogprobs]) -> list[JsonObject]:
        told = [self._logprob(each) for each in logprobs]
        self._texts.append(text)
        self._logprobs += told
        return [self._event("response.output_text.delta", delta=text, logprobs=told)]

    def closed(self) -> list[JsonObject]:
        text = "".join(self._texts)
        return [
            self._event("response.output_text.done", text=text, logprobs=self._logprobs),
            self._event("response.content_part.done", part=_text_part(text, self._logprobs)),
        ]

    def item(self, status: ItemStatus) -> JsonObject:
        text = "".join(self._texts)
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": [_text_part(text, self._logprobs)] if text else [],
            "status": status,
        }

    def _event(self, kind: str, **fields: object) -> JsonObject:
        return {"type": kind, "item_id": self.id, "output_index": self.index, "content_index": 0, **fields}

    def _logprob(self, each: TokenLogprobs) -> JsonObject:
        top = [self._token(token, logprob) for token, logprob in each.top]
        return {**self._token(each.token, each.logprob), "top_logprobs": top}

    def _token(self, token: int, logprob: float) -> JsonObject:
        raw = self.token_bytes(token)
        return {"token": raw.decode(errors="replace"), "bytes": list(raw), "logprob": logprob}


@dataclass(slots=True, kw_only=True)
class CallItem:
    """A call of a function, or of a custom tool, whose input is text."""

    id: str
    index: int
    call_id: str
    called: CalledTool
    _texts: list[str] = field(default_factory=list)

    def opened(self) -> list[JsonObject]:
        return []

    def add(self, text: str) -> list[JsonObject]:
        self._texts.append(text)
        return [self._event("delta", delta=text)]

    def closed(self) -> list[JsonObject]:
        # Some versions of the SDK want the function's name here.
        name = {} if self.called.is_custom else {"name": self.called.name}
        return [self._event("done", **name, **self._arguments())]

    def item(self, status: ItemStatus) -> JsonObject:
        return {
            "id": self.id,
            "type": "custom_tool_call" if self.called.is_custom else "function_call",
            "call_id": self.call_id,
            "name": self.called.name,
            **({} if self.called.namespace is None else {"namespace": self.called.namespace}),
            **self._arguments(),
            "status": status,
        }

    def _arguments(self) -> JsonObject:
        return {"input" if self.called.is_custom else "arguments": "".join(self._texts)}

    def _event(self, step: str, **fields: object) -> JsonObject:
        subject = "custom_tool_call_input" if self.called.is_custom else "function_call_arguments"
        return {
            "type": f"response.{subject}.{step}",
            "item_id": self.id,
            "output_index": self.index,
            **fields,
        }


def _reasoning_part(text: str) -> JsonObject:
    return {"type": "reasoning_text", "text": text}


def _text_part(text: str, logprobs: Sequence[JsonObject]) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}
