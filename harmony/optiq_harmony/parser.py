"""Reads a reply, token id by token id, into events. Nothing that a model writes raises here.

The machine has three states: HEADER, between `<|start|>` and `<|message|>`; BODY, after it; BETWEEN, after a
message's end. A new parser stands in HEADER behind `<|start|>assistant`, where a rendered prompt ends. What a
kind of token does in a state is in the table at the end of this file. Its rules:

Rule 1: control tokens are told from text by their id. They never become text, and text that looks like one
        is text.

Rule 2: a body goes where its header says: to a function's arguments where one is called, on any channel; to
        reasoning on the analysis channel; else to the visible text. How headers are read is in header.py.

Rule 3: `<|end|>` ends a message. `<|return|>`, `<|call|>` and `<|endoftext|>` also end the reply, whichever
        message they end; what follows them nevertheless is read as further messages.

Rule 4: `<|start|>` or `<|channel|>` within a body ends the message, whose end was forgotten, and begins a
        header. Any other control token within a body, and reserved or unknown ids anywhere, are left out.

Rule 5: anything but `<|start|>` after a message's end begins a header as if `<|start|>assistant` were there.

Rule 6: a header that is ended by something else than `<|message|>`, or longer than any header is, is
        stranded: text in it that is no header word is the message's body. `<|channel|>` strands it likewise,
        where there is such text before; else the header goes on with the new channel.

Rule 7: what departs from harmony gives a Fault, before whatever is made of it.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from types import MappingProxyType

from optiq_harmony.events import (
    Event,
    Fault,
    FaultKind,
    MessageEnd,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
)
from optiq_harmony.header import Channel, Header, Part, Piece, read_header, split_header
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE, ControlToken
from optiq_harmony.utf8 import Utf8Decoder
from optiq_harmony.vocabulary import Vocabulary

_MAX_HEADER_TOKENS = 128
"""A header with a function's name of 64 characters, OpenAI's limit, has fewer than 80 tokens. A missing
`<|message|>` would hold back the whole reply if there were no limit."""


class _State(Enum):
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()


class _Kind(Enum):
    TEXT = auto()
    START = auto()
    CHANNEL = auto()
    CONSTRAIN = auto()
    MESSAGE = auto()
    END = auto()
    STOP = auto()
    OTHER = auto()
    """Reserved, or outside the vocabulary."""


_KINDS: Mapping[int, _Kind] = MappingProxyType(
    {
        ControlToken.START: _Kind.START,
        ControlToken.CHANNEL: _Kind.CHANNEL,
        ControlToken.CONSTRAIN: _Kind.CONSTRAIN,
        ControlToken.MESSAGE: _Kind.MESSAGE,
        ControlToken.END: _Kind.END,
        ControlToken.RETURN: _Kind.STOP,
        ControlToken.CALL: _Kind.STOP,
        ControlToken.END_OF_TEXT: _Kind.STOP,
    }
)

_STOP_REASONS: Mapping[int, StopReason] = MappingProxyType(
    {
        ControlToken.RETURN: StopReason.RETURN,
        ControlToken.CALL: StopReason.CALL,
        ControlToken.END_OF_TEXT: StopReason.END_OF_TEXT,
    }
)


class Parser:
    """Parses one reply: `feed` each of its tokens, then `finish`. It needs constant time for a token.

    A prompt that goes on behind `<|start|>assistant`, to prime a channel, is fed from there on first.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._token_bytes = vocabulary.token_bytes
        self._decoder = Utf8Decoder()
        self._calls = 0
        self._delta: Callable[[str], Event] = _text_delta
        self._begin_header(role_given=True)

    def feed(self, token: int) -> tuple[Event, ...]:
        """What this token tells; often nothing. Any int is taken."""
        if 0 <= token < FIRST_SPECIAL_TOKEN:
            if self._state is _State.BODY:
                text = self._decoder.feed(self._token_bytes(token))
                return (self._delta(text),) if text else ()
            return tuple(_ACTIONS[self._state, _Kind.TEXT](self, token))
        return tuple(_ACTIONS[self._state, _KINDS.get(token, _Kind.OTHER)](self, token))

    def finish(self) -> tuple[Event, ...]:
        """What was held back when the reply ended, and the end of an open message."""
        events = tuple(self._finish())
        self._state = _State.BETWEEN
        return events

    def _finish(self) -> Iterator[Event]:
        if self._state is _State.BODY:
            yield Fault(kind=FaultKind.TRUNCATED, detail="message")
            yield from self._close(complete=False)
        elif self._state is _State.HEADER and self._header_tokens:
            yield Fault(kind=FaultKind.TRUNCATED, detail="header")
            header, body = split_header(self._pieces(), role_given=self._role_given, cut=True)
            if body:
                yield from self._open(header, body)
                yield from self._close(complete=False)

    def _begin_header(self, *, role_given: bool) -> None:
        self._state = _State.HEADER
        self._role_given = role_given
        # Text is gathered by the control token before it, and read when the header ends.
        self._header: list[tuple[Part, bytearray]] = [(Part.ROLE, bytearray())]
        # A `<|start|>` of the model's own counts, so that a reply cut behind it is known to be cut.
        self._header_tokens = 0 if role_given else 1

    def _pieces(self) -> tuple[Piece, ...]:
        return tuple(Piece(part=part, text=bytes(text)) for part, text in self._header)

    def _split(self) -> tuple[Header, bytes]:
        return split_header(self._pieces(), role_given=self._role_given, cut=False)

    def _count_header_token(self) -> Iterator[Event]:
        self._header_tokens += 1
        if self._header_tokens > _MAX_HEADER_TOKENS:
            yield Fault(kind=FaultKind.HEADER, detail=f"longer than {_MAX_HEADER_TOKENS} tokens")
            yield from self._open(*self._split())

    def _gather(self, token: int) -> Iterator[Event]:
        self._header[-1][1].extend(self._token_bytes(token))
        yield from self._count_header_token()

    def _begin_content_type(self, _token: int) -> Iterator[Event]:
        self._header.append((Part.CONTENT_TYPE, bytearray()))
        yield from self._count_header_token()

    def _begin_channel(self, _token: int) -> Iterator[Event]:
        header, body = self._split()
        if body:
            yield Fault(kind=FaultKind.HEADER, detail="text before <|channel|>")
            yield from self._open(header, body)
            yield from self._close(complete=True)
            self._begin_header(role_given=True)
        self._header.append((Part.CHANNEL, bytearray()))
        yield from self._count_header_token()

    def _end_header(self, _token: int) -> Iterator[Event]:
        yield from self._open(read_header(self._pieces(), role_given=self._role_given))

    def _restart_header(self, token: int) -> Iterator[Event]:
        yield self._stray(token)
        header, body = self._split()
        if body:
            yield from self._open(header, body)
            yield from self._close(complete=True)
        self._begin_header(role_given=False)

    def _end_stranded(self, _token: int) -> Iterator[Event]:
        yield Fault(kind=FaultKind.HEADER, detail="no <|message|>")
        header, body = self._split()
        if body or header.function is not None:
            yield from self._open(header, body)
            yield from self._close(complete=True)
        else:
            yield from header.faults
            self._state = _State.BETWEEN

    def _stop_stranded(self, token: int) -> Iterator[Event]:
        yield from self._end_stranded(token)
        yield Stop(reason=_STOP_REASONS[token])

    def _open(self, header: Header, body: bytes = b"") -> Iterator[Event]:
        yield from header.faults
        self._state = _State.BODY
        if header.function is not None:
            self._delta = _arguments_delta(self._calls)
            yield ToolCallStart(index=self._calls, name=header.function)
            self._calls += 1
        else:
            self._delta = _reasoning_delta if header.channel is Channel.ANALYSIS else _text_delta
        if text := self._decoder.feed(body):
            yield self._delta(text)

    def _close(self, *, complete: bool) -> Iterator[Event]:
        if rest := self._decoder.finish():
            yield Fault(kind=FaultKind.TRUNCATED, detail="character")
            yield self._delta(rest)
        yield MessageEnd(complete=complete)
        self._state = _State.BETWEEN

    def _end_message(self, _token: int) -> Iterator[Event]:
        yield from self._close(complete=True)

    def _stop(self, token: int) -> Iterator[Event]:
        yield from self._close(complete=True)
        yield Stop(reason=_STOP_REASONS[token])

    def _start_in_body(self, token: int) -> Iterator[Event]:
        yield self._stray(token)
        yield from self._close(complete=True)
        self._begin_header(role_given=False)

    def _channel_in_body(self, token: int) -> Iterator[Event]:
        yield self._stray(token)
        yield from self._close(complete=True)
        self._begin_header(role_given=True)
        yield from self._begin_channel(token)

    def _start(self, _token: int) -> Iterator[Event]:
        self._begin_header(role_given=False)
        yield from ()

    def _assume_start(self, token: int) -> Iterator[Event]:
        yield self._stray(token)
        self._begin_header(role_given=True)
        yield from _ACTIONS[_State.HEADER, _KINDS.get(token, _Kind.TEXT)](self, token)

    def _stop_again(self, token: int) -> Iterator[Event]:
        yield self._stray(token)
        yield Stop(reason=_STOP_REASONS[token])

    def _leave_out(self, token: int) -> Iterator[Event]:
        yield self._stray(token)

    def _stray(self, token: int) -> Fault:
        known = 0 <= token < VOCABULARY_SIZE
        written = self._token_bytes(token).decode(errors="replace") if known else f"token {token}"
        return Fault(kind=FaultKind.STRAY_TOKEN, detail=written)


def _text_delta(text: str) -> Event:
    return TextDelta(text=text)


def _reasoning_delta(text: str) -> Event:
    return ReasoningDelta(text=text)


def _arguments_delta(index: int) -> Callable[[str], Event]:
    return lambda text: ToolCallDelta(index=index, arguments=text)


_ACTIONS: Mapping[tuple[_State, _Kind], Callable[[Parser, int], Iterator[Event]]] = MappingProxyType(
    {
        (_State.HEADER, _Kind.TEXT): Parser._gather,
        (_State.HEADER, _Kind.START): Parser._restart_header,
        (_State.HEADER, _Kind.CHANNEL): Parser._begin_channel,
        (_State.HEADER, _Kind.CONSTRAIN): Parser._begin_content_type,
        (_State.HEADER, _Kind.MESSAGE): Parser._end_header,
        (_State.HEADER, _Kind.END): Parser._end_stranded,
        (_State.HEADER, _Kind.STOP): Parser._stop_stranded,
        (_State.HEADER, _Kind.OTHER): Parser._leave_out,
        # (BODY, TEXT) is the common case, and stands in feed().
        (_State.BODY, _Kind.START): Parser._start_in_body,
        (_State.BODY, _Kind.CHANNEL): Parser._channel_in_body,
        (_State.BODY, _Kind.CONSTRAIN): Parser._leave_out,
        (_State.BODY, _Kind.MESSAGE): Parser._leave_out,
        (_State.BODY, _Kind.END): Parser._end_message,
        (_State.BODY, _Kind.STOP): Parser._stop,
        (_State.BODY, _Kind.OTHER): Parser._leave_out,
        (_State.BETWEEN, _Kind.TEXT): Parser._assume_start,
        (_State.BETWEEN, _Kind.START): Parser._start,
        (_State.BETWEEN, _Kind.CHANNEL): Parser._assume_start,
        (_State.BETWEEN, _Kind.CONSTRAIN): Parser._assume_start,
        (_State.BETWEEN, _Kind.MESSAGE): Parser._assume_start,
        (_State.BETWEEN, _Kind.END): Parser._leave_out,
        (_State.BETWEEN, _Kind.STOP): Parser._stop_again,
        (_State.BETWEEN, _Kind.OTHER): Parser._leave_out,
    }
)
