"""Folds one generation into what a client may see of it. Pure; knows no endpoint and no wire format.

Rule 1: stop strings act on visible text alone, within one message; reasoning and arguments are never
        searched.
Rule 2: two messages of one kind in one reply (a preamble, then an answer) are parted by a blank line, which
        is ours and so is not searched either.
Rule 3: nothing is visible after a stop string matched; the reader then cancels the generation.
Rule 4: `end` gives exactly one outcome. A reply that was cut has the finish reason LENGTH, whatever it was
        writing; a matched stop string outranks how the generation came to its end.
Rule 5: which tokens are reasoning, and which log-probabilities go with which text, is attribution's concern.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
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
from optiq_server.dialect.protocol import ReplyParser
from optiq_server.engine.types import Ended, EndReason, TokenLogprobs, Tokens
from optiq_server.translate.attribution import Attribution
from optiq_server.translate.stop import StopStrings


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Visible text, with the log-probabilities of the tokens that it completes, where they were asked for."""

    text: str
    logprobs: tuple[TokenLogprobs, ...] = ()


Piece: TypeAlias = ReasoningDelta | Text | ToolCallStart | ToolCallDelta
"""What is visible of a reply, in order."""

_TextKind: TypeAlias = type[ReasoningDelta] | type[Text]

MESSAGE_SEPARATOR = "\n\n"
"""What parts two messages of one kind, by rule 2."""


class FinishReason(StrEnum):
    """Why a reply is over, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts. `cached_tokens` are among the prompt's, `reasoning_tokens` among the completion's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The reply is whole, or was cut where the client wanted it: at `stop_string`, if one matched."""

    reason: FinishReason
    usage: Usage
    stop_string: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The reply broke off: `reason` is CANCELLED, DEADLINE, FAULT or SHUTDOWN. `detail` is for the log."""

    reason: EndReason
    detail: str


Outcome: TypeAlias = Finished | Failed


class Reply:
    """The fold. Call `read` for each Tokens and `end` once for the Ended.

    `control_tokens` are those that structure a reply and stand for no text.
    """

    def __init__(
        self,
        *,
        parser: ReplyParser,
        stop_strings: Sequence[str] = (),
        control_tokens: frozenset[int] = frozenset(),
    ) -> None:
        self._parser = parser
        self._stop = StopStrings(stop_strings)
        self._attribution = Attribution(control_tokens)
        self._pieces: list[Piece] = []
        self._faults: list[Fault] = []
        self._calls = 0
        self._shown: set[_TextKind] = set()
        self._parted: set[_TextKind] = set()

    @property
    def is_stopped(self) -> bool:
        """A stop string matched: what the generation still brings is not wanted."""
        return self._stop.is_matched

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Where the model departed from its protocol; for the log."""
        return tuple(self._faults)

    def read(self, tokens: Tokens) -> list[Piece]:
        """What these tokens make visible; neighbours of one kind are joined."""
        for token, logprobs in zip_longest(tokens.ids, tokens.logprobs):
            if self.is_stopped:
                break
            events = self._parser.feed(token)
            self._attribution.add(token, logprobs, events)
            self._take(events)
        return self._drain()

    def end(self, ended: Ended) -> tuple[list[Piece], Outcome]:
        """What was held back, and how the reply ended."""
        if not self.is_stopped:
            self._take(self._parser.finish())
        return self._drain(), self._outcome(ended)

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if not self.is_stopped:
                self._take_one(event)

    def _take_one(self, event: Event) -> None:
        match event:
            case ReasoningDelta(text=text):
                if text:
                    self._part(ReasoningDelta)
                    self._show(event)
            case TextDelta(text=text):
                self._show_text(self._stop.feed(text))
            case ToolCallStart():
                self._calls += 1
                self._show(event)
            case ToolCallDelta():
                self._show(event)
            case MessageEnd():
                self._show_text(self._stop.finish())
                self._parted = set(self._shown)
            case Fault():
                self._faults.append(event)
            case Stop():
                pass
            case _:
                assert_never(event)

    def _show_text(self, text: str) -> None:
        # A stop string may leave no text, but the log-probabilities of a token whose beginning was shown.
        logprobs = self._attribution.show(len(text), is_last=self.is_stopped)
        if text:
            self._part(Text)
        if text or logprobs:
            self._show(Text(text=text, logprobs=logprobs))

    def _part(self, kind: _TextKind) -> None:
        """Something of this kind is about to be shown."""
        if kind in self._parted:
            self._parted.remove(kind)
            self._show(kind(text=MESSAGE_SEPARATOR))
        self._shown.add(kind)

    def _show(self, piece: Piece) -> None:
        joined = _join(self._pieces[-1], piece) if self._pieces else None
        if joined is None:
            self._pieces.append(piece)
        else:
            self._pieces[-1] = joined

    def _drain(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _outcome(self, ended: Ended) -> Outcome:
        reason = self._finish_reason(ended.reason)
        if reason is None:
            return Failed(reason=ended.reason, detail=ended.detail)
        usage = Usage(
            prompt_tokens=ended.prompt_tokens,
            completion_tokens=ended.completion_tokens,
            cached_tokens=ended.cached_tokens,
            reasoning_tokens=self._attribution.reasoning_tokens,
        )
        return Finished(reason=reason, usage=usage, stop_string=self._stop.matched)

    def _finish_reason(self, reason: EndReason) -> FinishReason | None:
        if self.is_stopped:
            return FinishReason.STOP
        match reason:
            case EndReason.STOP:
                return FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
            case EndReason.LENGTH:
                return FinishReason.LENGTH
            case EndReason.CANCELLED | EndReason.DEADLINE | EndReason.FAULT | EndReason.SHUTDOWN:
                return None
            case _:
                assert_never(reason)


def _join(last: Piece, piece: Piece) -> Piece | None:
    """One piece for two neighbours of a kind; None if they are of two kinds."""
    match last, piece:
        case ReasoningDelta(), ReasoningDelta():
            return ReasoningDelta(text=last.text + piece.text)
        case Text(), Text():
            return Text(text=last.text + piece.text, logprobs=last.logprobs + piece.logprobs)
        case ToolCallDelta(), ToolCallDelta() if last.index == piece.index:
            return ToolCallDelta(index=last.index, arguments=last.arguments + piece.arguments)
        case _:
            return None
