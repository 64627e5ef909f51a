"""The fold of a reply: what is visible, how it ended, and what was counted."""

import pytest

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
from optiq_server.engine.types import EndReason, Tokens
from optiq_server.translate.reply import Failed, Finished, FinishReason, Outcome, Piece, Reply, Text
from tests.server.doubles import ScriptedParser, ended

_END = MessageEnd(complete=True)


def _play(
    *events: tuple[Event, ...],
    stop: tuple[str, ...] = (),
    reason: EndReason = EndReason.STOP,
    at_end: tuple[Event, ...] = (),
) -> tuple[list[Piece], Outcome]:
    reply = Reply(parser=ScriptedParser(events, at_end), stop_strings=stop)
    pieces = reply.read(Tokens(ids=tuple(range(len(events)))))
    rest, outcome = reply.end(ended(reason))
    return pieces + rest, outcome


def _reasoning(text: str) -> tuple[Event, ...]:
    return (ReasoningDelta(text=text),)


def _text(text: str) -> tuple[Event, ...]:
    return (TextDelta(text=text),)


def _finish_reason(outcome: Outcome) -> FinishReason:
    assert isinstance(outcome, Finished)
    return outcome.reason


def test_neighbours_of_one_kind_are_joined_within_one_hand_over() -> None:
    pieces, _ = _play(_reasoning("let "), _reasoning("me"), (_END,), _text("4"), _text("2"), (_END,))

    assert pieces == [ReasoningDelta(text="let me"), Text(text="42")]


def test_two_visible_messages_are_parted_by_a_blank_line() -> None:
    pieces, _ = _play(_text("I'll look."), (_END,), _text("Found."), (_END,))

    assert pieces == [Text(text="I'll look.\n\nFound.")]


def test_two_analysis_messages_are_parted_by_a_blank_line() -> None:
    pieces, _ = _play(_reasoning("one"), (_END,), _text("Hm."), (_END,), _reasoning("two"), (_END,))

    assert pieces == [ReasoningDelta(text="one"), Text(text="Hm."), ReasoningDelta(text="\n\ntwo")]


def test_a_stop_string_cuts_the_text_and_the_reply_says_so() -> None:
    reply = Reply(parser=ScriptedParser([_text("one E"), _text("ND two")]), stop_strings=["END"])

    pieces = reply.read(Tokens(ids=(0, 1)))

    assert pieces == [Text(text="one ")]
    assert reply.is_stopped


def test_a_matched_stop_string_outranks_the_cancel_that_follows() -> None:
    pieces, outcome = _play(_text("a END b"), stop=("END",), reason=EndReason.CANCELLED)

    assert pieces == [Text(text="a ")]
    assert _finish_reason(outcome) is FinishReason.STOP


def test_stop_strings_do_not_act_on_reasoning_or_arguments() -> None:
    call: tuple[Event, ...] = (ToolCallStart(index=0, name="f"), ToolCallDelta(index=0, arguments='"END"'))

    pieces, outcome = _play(_reasoning("END"), (_END,), call, (_END,), stop=("END",))

    assert pieces == [ReasoningDelta(text="END"), *call]
    assert _finish_reason(outcome) is FinishReason.TOOL_CALLS


def test_the_blank_line_between_messages_is_no_stop_string() -> None:
    pieces, outcome = _play(_text("a"), (_END,), _text("b"), (_END,), stop=("\n\n",))

    assert pieces == [Text(text="a\n\nb")]
    assert _finish_reason(outcome) is FinishReason.STOP


def test_text_held_back_for_a_stop_string_is_shown_when_the_reply_ends() -> None:
    pieces, _ = _play(_text("the E"), stop=("END",), at_end=(MessageEnd(complete=False),))

    assert pieces == [Text(text="the "), Text(text="E")]


def test_a_message_without_text_leaves_no_blank_line() -> None:
    pieces, _ = _play(_text("a"), (_END,), _text("END"), stop=("END",))

    assert pieces == [Text(text="a")]


def test_a_cut_inside_a_call_is_length() -> None:
    call: tuple[Event, ...] = (ToolCallStart(index=0, name="f"), ToolCallDelta(index=0, arguments='{"a'))

    pieces, outcome = _play(call, reason=EndReason.LENGTH, at_end=(MessageEnd(complete=False),))

    assert pieces == list(call)
    assert _finish_reason(outcome) is FinishReason.LENGTH


def test_a_stop_without_calls_is_stop() -> None:
    _, outcome = _play(_text("hi"), (_END, Stop(reason=StopReason.RETURN)))

    assert _finish_reason(outcome) is FinishReason.STOP


@pytest.mark.parametrize(
    "reason", [EndReason.CANCELLED, EndReason.DEADLINE, EndReason.FAULT, EndReason.SHUTDOWN]
)
def test_other_ends_are_failures(reason: EndReason) -> None:
    _, outcome = _play(_text("hi"), reason=reason)

    assert outcome == Failed(reason=reason, detail="")


def test_usage_is_the_engines() -> None:
    _, outcome = _play(_text("hi"))

    assert isinstance(outcome, Finished)
    assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens) == (10, 7)
    assert outcome.usage.cached_tokens == 4


def test_faults_are_kept_for_the_log_and_not_shown() -> None:
    fault = Fault(kind=FaultKind.CHANNEL, detail="finalx")
    reply = Reply(parser=ScriptedParser([(fault, TextDelta(text="hi"))]))

    pieces = reply.read(Tokens(ids=(0,)))

    assert pieces == [Text(text="hi")]
    assert reply.faults == (fault,)
