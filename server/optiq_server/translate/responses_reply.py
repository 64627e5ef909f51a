"""The wire format of a response: pieces of a reply as OpenAI's stream events, or as one body. Pure.

Rule 1: a stream begins with `response.created` and `response.in_progress` and ends with exactly one of
        `response.completed`, `response.incomplete` and `response.failed`. `sequence_number` counts from 0.
Rule 2: between them the output's items are told one after another: `output_item.added`, the item's own
        events, `output_item.done`.
Rule 3: an item is as long as pieces of its kind follow each other; each call is one of its own. What parts
        two messages of one kind in the fold is left out where an item begins: there the items part them.
Rule 4: a reply that was cut closes its last item as incomplete. One that broke off does not close it: a
        client that acts on `output_item.done` must not act on half a call.
Rule 5: the body is the response in the last event.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from optiq_harmony.events import ReasoningDelta, ToolCallDelta, ToolCallStart
from optiq_server.errors import ApiError
from optiq_server.translate.reply import MESSAGE_SEPARATOR, Finished, FinishReason, Piece, Text
from optiq_server.translate.response_object import (
    JsonObject,
    ResponseHead,
    ResponseStatus,
    response_object,
)
from optiq_server.translate.response_output import (
    CallItem,
    ItemStatus,
    MessageItem,
    OutputItem,
    ReasoningItem,
)
from optiq_server.translate.tools import CalledTool


class ResponseEvents:
    """The events: `opening` first, `of` for what comes, then `finish` or `fail`. `response` is how far it is.

    Calls of `tools` are told as the client names them. `encrypted_content` adds our encoding to each
    reasoning.
    """

    def __init__(
        self,
        head: ResponseHead,
        *,
        new_id: Callable[[str], str],
        token_bytes: Callable[[int], bytes],
        tools: Mapping[str, CalledTool] = MappingProxyType({}),
        encrypted_content: bool = False,
    ) -> None:
        self._head = head
        self._new_id = new_id
        self._token_bytes = token_bytes
        self._tools = tools
        self._encrypted_content = encrypted_content
        self._output: list[JsonObject] = []
        self._open: OutputItem | None = None
        self._numbered = 0
        self._response = response_object(head, status=ResponseStatus.IN_PROGRESS)

    @property
    def response(self) -> JsonObject:
        """As the last lifecycle event had it."""
        return self._response

    def opening(self) -> list[JsonObject]:
        return [self._lifecycle("created"), self._lifecycle("in_progress")]

    def of(self, pieces: Iterable[Piece]) -> list[JsonObject]:
        return [self._numbered_event(event) for piece in pieces for event in self._of(piece)]

    def finish(self, finished: Finished, *, completed: int) -> list[JsonObject]:
        """The end of a reply that is whole, or was cut; `completed` is in seconds since 1970."""
        is_cut = finished.reason is FinishReason.LENGTH
        events = [
            self._numbered_event(event) for event in self._close("incomplete" if is_cut else "completed")
        ]
        status = ResponseStatus.INCOMPLETE if is_cut else ResponseStatus.COMPLETED
        self._response = response_object(
            self._head,
            status=status,
            output=self._output,
            usage=finished.usage,
            completed=None if is_cut else completed,
        )
        return [*events, self._lifecycle(status.value)]

    def fail(self, error: ApiError, *, cancelled: bool = False) -> list[JsonObject]:
        """The end of a reply that broke off. One that was cancelled is no error of anybody's."""
        unfinished = [] if self._open is None else [self._open.item("incomplete")]
        self._response = response_object(
            self._head,
            status=ResponseStatus.CANCELLED if cancelled else ResponseStatus.FAILED,
            output=[*self._output, *unfinished],
            error=None if cancelled else error,
        )
        return [self._lifecycle("failed")]

    def _of(self, piece: Piece) -> list[JsonObject]:
        match piece:
            case ReasoningDelta(text=text):
                return self._reasoning(text)
            case Text():
                return self._text(piece)
            case ToolCallStart(name=name):
                return self._begin(self._call(name))
            case ToolCallDelta(arguments=arguments):
                return self._open.add(arguments) if isinstance(self._open, CallItem) else []
            case _:
                assert_never(piece)

    def _reasoning(self, text: str) -> list[JsonObject]:
        if isinstance(self._open, ReasoningItem):
            return self._open.add(text)
        item = ReasoningItem(
            id=self._new_id("rs_"), index=self._next_index, is_encoded=self._encrypted_content
        )
        return [*self._begin(item), *item.add(self._without_separator(text, "reasoning"))]

    def _text(self, piece: Text) -> list[JsonObject]:
        if isinstance(self._open, MessageItem):
            return self._open.add(piece.text, piece.logprobs)
        item = MessageItem(id=self._new_id("msg_"), index=self._next_index, token_bytes=self._token_bytes)
        begun = self._begin(item)
        return [*begun, *item.add(self._without_separator(piece.text, "message"), piece.logprobs)]

    def _without_separator(self, text: str, kind: str) -> str:
        is_first = all(item["type"] != kind for item in self._output)
        return text if is_first else text.removeprefix(MESSAGE_SEPARATOR)

    def _call(self, name: str) -> CallItem:
        called = self._tools.get(name, CalledTool(name=name))
        return CallItem(
            id=self._new_id("ctc_" if called.is_custom else "fc_"),
            index=self._next_index,
            call_id=self._new_id("call_"),
            called=called,
        )

    @property
    def _next_index(self) -> int:
        return len(self._output) + (self._open is not None)

    def _begin(self, item: OutputItem) -> list[JsonObject]:
        events = self._close("completed")
        self._open = item
        return [*events, self._item_event("added", item.item("in_progress")), *item.opened()]

    def _close(self, status: ItemStatus) -> list[JsonObject]:
        if self._open is None:
            return []
        item, events = self._open.item(status), self._open.closed()
        done = self._item_event("done", item)
        self._output.append(item)
        self._open = None
        return [*events, done]

    def _item_event(self, step: str, item: JsonObject) -> JsonObject:
        return {"type": f"response.output_item.{step}", "output_index": len(self._output), "item": item}

    def _lifecycle(self, step: str) -> JsonObject:
        return self._numbered_event({"type": f"response.{step}", "response": self._response})

    def _numbered_event(self, event: JsonObject) -> JsonObject:
        number = self._numbered
        self._numbered += 1
        return {**event, "sequence_number": number}


def whole_response(
    events: ResponseEvents, pieces: Sequence[Piece], finished: Finished, *, completed: int
) -> JsonObject:
    """The body of a response that is not streamed."""
    events.of(pieces)
    events.finish(finished, completed=completed)
    return events.response


def error_event(error: ApiError) -> JsonObject:
    """The last event of a stream that broke off by a fault of ours, where the response is not known."""
    return {
        "type": "error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "sequence_number": 0,
    }
