"""Reads a reply of a model that is not gpt-oss, token id by token id, into events. Nothing raises here.

The machine has three states: ANSWER, REASONING and CALL. A new parser stands in ANSWER, or in REASONING where
the prompt has opened it. Its rules:

Rule 1: `<think>` begins reasoning and `</think>` ends it, or whatever the model writes in their places.

Rule 2: the text of a call is held back until its end mark, then read as a whole. What cannot be read is text,
        with its marks, of what was written before. Within a call every other mark is its text.

Rule 3: a call that begins inside reasoning ends that, as if `</think>` were there.

Rule 4: a mark without meaning in a state is left out, and so is any control token that is no mark.

Rule 5: white space that touches a mark belongs to it: models write line breaks around their marks.

Rule 6: a stop token ends whatever is open, also a call without its end mark. What follows it nevertheless is
        read as a new answer.

Rule 7: what departs from these ways gives a Fault, before whatever is made of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

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
from optiq_server.dialect.markers import BrokenCharacter, Found, Marker, MarkerReader, Spelling, Stray
from optiq_server.dialect.tool_text import ToolFormat, read_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFormat:
    """How a model parts its replies. `think` are the marks around reasoning, None for a model without it.

    `opens_in_reasoning` where its prompts end behind the first of them. `noise` are marks that say nothing.
    `drops_first_space`: the tokenizer puts a space before the first word of any text.
    """

    stop_tokens: frozenset[int]
    think: tuple[Marker, Marker] | None = None
    tools: ToolFormat | None = None
    opens_in_reasoning: bool = False
    noise: tuple[Marker, ...] = ()
    drops_first_space: bool = False


class _State(Enum):
    ANSWER = auto()
    REASONING = auto()
    CALL = auto()


class _Mark(Enum):
    THINK_START = auto()
    THINK_END = auto()
    CALL_START = auto()
    CALL_END = auto()
    NOISE = auto()


class TemplateParser:
    """Parses one reply: `feed` each of its tokens, then `finish`.

    `tools` are the functions that it may call; without any, marks of calls are control tokens and text.
    """

    def __init__(
        self, spelling: Spelling, reply_format: ReplyFormat, tools: Sequence[Mapping[str, object]] = ()
    ) -> None:
        self._format = reply_format
        self._tools = tools
        self._marks = _marks(reply_format, with_calls=bool(tools))
        self._reader = MarkerReader(spelling, list(self._marks))
        self._state = _State.REASONING if reply_format.opens_in_reasoning else _State.ANSWER
        self._before_call = self._state
        self._call = ""
        self._calls = 0
        self._is_open = False
        self._blank = ""
        self._drops_blank = reply_format.opens_in_reasoning
        self._drops_space = reply_format.drops_first_space

    def feed(self, token: int) -> tuple[Event, ...]:
        """What this token tells; often nothing. Any int is taken."""
        if token in self._format.stop_tokens:
            return tuple(self._stop())
        return tuple(self._take(self._reader.feed(token)))

    def finish(self) -> tuple[Event, ...]:
        """What was held back when the reply ended, and the end of an open message."""
        return tuple(self._finish())

    def _stop(self) -> Iterator[Event]:
        yield from self._take(self._reader.flush())
        if self._state is _State.CALL:
            if self._tool_format.end is not None:
                yield Fault(kind=FaultKind.TRUNCATED, detail="call")
            yield from self._end_call(end="")
        yield from self._close(complete=True)
        yield Stop(reason=StopReason.END_OF_TEXT)
        self._state = _State.ANSWER

    def _finish(self) -> Iterator[Event]:
        yield from self._take(self._reader.flush())
        if self._state is _State.CALL:
            yield Fault(kind=FaultKind.TRUNCATED, detail="call")
            yield from self._end_call(end="")
        elif self._is_open:
            yield Fault(kind=FaultKind.TRUNCATED, detail="message")
        yield from self._close(complete=False)
        self._state = _State.ANSWER

    def _take(self, found: Iterator[Found]) -> Iterator[Event]:
        for each in found:
            match each:
                case str():
                    yield from self._read(each)
                case Marker():
                    yield from self._obey(each)
                case Stray(detail=detail):
                    yield Fault(kind=FaultKind.STRAY_TOKEN, detail=detail)
                case BrokenCharacter():
                    yield Fault(kind=FaultKind.TRUNCATED, detail="character")
                case _:
                    assert_never(each)

    def _obey(self, marker: Marker) -> Iterator[Event]:
        match self._state, self._marks[marker]:
            case _State.CALL, _Mark.CALL_END:
                yield from self._end_call(end=marker.text)
            case _State.CALL, _Mark.CALL_START if self._tool_format.end is None:
                yield from self._end_call(end="")
                yield from self._begin_call()
            case _State.CALL, _:
                self._call += marker.text
            case _, _Mark.NOISE:
                self._touch()
            case _State.REASONING, _Mark.THINK_END:
                yield from self._turn_to(_State.ANSWER)
            case _State.ANSWER, _Mark.THINK_START:
                yield from self._turn_to(_State.REASONING)
            case _State.REASONING, _Mark.CALL_START:
                yield Fault(kind=FaultKind.STRAY_TOKEN, detail=f"{marker.text} in reasoning")
                yield from self._begin_call()
            case _State.ANSWER, _Mark.CALL_START:
                yield from self._begin_call()
            case _:
                self._touch()
                yield Fault(kind=FaultKind.STRAY_TOKEN, detail=marker.text)

    def _turn_to(self, state: _State) -> Iterator[Event]:
        self._blank = ""
        yield from self._close(complete=True)
        self._state = state
        self._touch()

    def _begin_call(self) -> Iterator[Event]:
        before = self._state
        yield from self._turn_to(_State.CALL)
        self._before_call = before
        self._call = ""

    def _end_call(self, *, end: str) -> Iterator[Event]:
        calls = read_calls(self._call, self._tool_format, self._tools)
        if calls:
            for call in calls:
                yield ToolCallStart(index=self._calls, name=call.name)
                yield ToolCallDelta(index=self._calls, arguments=call.arguments)
                yield MessageEnd(complete=True)
                self._calls += 1
            self._state = _State.ANSWER
            self._touch()
        else:
            yield Fault(kind=FaultKind.CALL, detail="its text cannot be read")
            self._state = self._before_call
            self._drops_blank = False
            yield from self._read(self._tool_format.start.text + self._call + end)
        self._call = ""

    def _read(self, text: str) -> Iterator[Event]:
        if self._drops_space:
            self._drops_space = False
            text = text.removeprefix(" ")
        if self._state is _State.CALL:
            self._call += text
            return
        if self._drops_blank:
            text = text.lstrip()
        said = text.rstrip() if self._marks else text
        if not said:
            self._blank += text
            return
        self._drops_blank = False
        yield self._delta(self._blank + said)
        self._blank = text[len(said) :]
        self._is_open = True

    def _delta(self, text: str) -> Event:
        return ReasoningDelta(text=text) if self._state is _State.REASONING else TextDelta(text=text)

    def _close(self, *, complete: bool) -> Iterator[Event]:
        """Ends the open message, if one is open, with the white space that turned out to be its own."""
        blank, self._blank = self._blank, ""
        if blank:
            yield self._delta(blank)
        if blank or self._is_open:
            yield MessageEnd(complete=complete)
        self._is_open = False

    def _touch(self) -> None:
        self._blank = ""
        self._drops_blank = True

    @property
    def _tool_format(self) -> ToolFormat:
        if self._format.tools is None:
            raise RuntimeError("a call without a format of calls")
        return self._format.tools


def _marks(reply_format: ReplyFormat, *, with_calls: bool) -> dict[Marker, _Mark]:
    marks = dict.fromkeys(reply_format.noise, _Mark.NOISE)
    if reply_format.think is not None:
        start, end = reply_format.think
        marks |= {start: _Mark.THINK_START, end: _Mark.THINK_END}
    if reply_format.tools is not None and with_calls:
        marks[reply_format.tools.start] = _Mark.CALL_START
        if reply_format.tools.end is not None:
            marks[reply_format.tools.end] = _Mark.CALL_END
    return marks
