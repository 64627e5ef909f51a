"""Which part of a reply each token belongs to: reasoning, visible text, or neither. Pure.

Rule 1: a token belongs to the kind of body that its events tell. Tokens of a body that tell nothing, because
        they complete no character, belong to it as well, also those before the first that does.
Rule 2: control tokens, headers and calls belong to neither.
Rule 3: a text token's log-probabilities are shown with the text that completes it: what a stop string
        swallows has none, and a token that it cuts in the middle keeps its own.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum, auto

from optiq_harmony.events import Event, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStart
from optiq_server.engine.types import TokenLogprobs


class _Body(Enum):
    UNKNOWN = auto()
    REASONING = auto()
    TEXT = auto()
    CALL = auto()


class Attribution:
    """Counts reasoning tokens, and keeps text tokens' log-probabilities until their text is shown."""

    def __init__(self, control_tokens: frozenset[int]) -> None:
        self._control_tokens = control_tokens
        self._body = _Body.UNKNOWN
        self._silent: list[TokenLogprobs | None] = []
        self._reasoning_tokens = 0
        self._waiting: deque[tuple[int, int, TokenLogprobs]] = deque()
        self._spoken = 0
        self._shown = 0

    @property
    def reasoning_tokens(self) -> int:
        return self._reasoning_tokens

    def add(self, token: int, logprobs: TokenLogprobs | None, events: Sequence[Event]) -> None:
        """The next token, and what the parser told at it."""
        if token in self._control_tokens:
            self._body = _Body.UNKNOWN
            self._silent.clear()
            return
        self._body = _body(events) or self._body
        if self._body is _Body.UNKNOWN:
            self._silent.append(logprobs)
            return
        length = sum(len(event.text) for event in events if isinstance(event, TextDelta))
        self._assign([*self._silent, logprobs], length)
        self._silent.clear()

    def show(self, characters: int, *, is_last: bool) -> tuple[TokenLogprobs, ...]:
        """So many more characters of the text are shown; `is_last` tells that nothing follows them."""
        self._shown += characters
        shown = []
        while self._waiting and self._is_due(*self._waiting[0][:2], is_last=is_last):
            shown.append(self._waiting.popleft()[2])
        return tuple(shown)

    def _is_due(self, start: int, end: int, *, is_last: bool) -> bool:
        return end <= self._shown or (is_last and start < self._shown)

    def _assign(self, tokens: Iterable[TokenLogprobs | None], length: int) -> None:
        """These tokens are of the open body; together they completed `length` characters of text."""
        start, end = self._spoken, self._spoken + length
        for logprobs in tokens:
            self._reasoning_tokens += self._body is _Body.REASONING
            if self._body is _Body.TEXT and logprobs is not None:
                self._waiting.append((start, end, logprobs))
        self._spoken = end


def _body(events: Iterable[Event]) -> _Body | None:
    """The kind of the last body that the events tell of."""
    kind = None
    for event in events:
        match event:
            case ReasoningDelta():
                kind = _Body.REASONING
            case TextDelta():
                kind = _Body.TEXT
            case ToolCallStart() | ToolCallDelta():
                kind = _Body.CALL
            case _:
                pass
    return kind
