"""Which tokens are reasoning, and which log-probabilities go with which text."""

from optiq_harmony.events import Event, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStart
from optiq_server.engine.types import TokenLogprobs, Tokens
from optiq_server.translate.attribution import Attribution
from optiq_server.translate.reply import Reply, Text
from tests.server.doubles import ScriptedParser

_CONTROL = 9
_NOTHING: tuple[Event, ...] = ()


def _logprobs(token: int) -> TokenLogprobs:
    return TokenLogprobs(token=token, logprob=-float(token))


def _text(text: str) -> tuple[Event, ...]:
    return (TextDelta(text=text),)


def _attribute(*tokens: tuple[int, tuple[Event, ...]]) -> Attribution:
    attribution = Attribution(frozenset({_CONTROL}))
    for token, events in tokens:
        attribution.add(token, _logprobs(token), events)
    return attribution


def _tokens(shown: tuple[TokenLogprobs, ...]) -> list[int]:
    return [each.token for each in shown]


def test_reasoning_tokens_are_those_of_analysis_bodies() -> None:
    attribution = _attribute(
        (_CONTROL, _NOTHING),
        (1, _NOTHING),  # the header
        (_CONTROL, _NOTHING),
        (2, _NOTHING),  # no character yet
        (3, (ReasoningDelta(text="\N{SNOWMAN}"),)),
        (4, _NOTHING),
        (5, (ReasoningDelta(text="\N{SNOWMAN}"),)),
        (_CONTROL, _NOTHING),
        (6, _NOTHING),
        (_CONTROL, _NOTHING),
        (7, _text("b")),
    )

    assert attribution.reasoning_tokens == 4


def test_text_tokens_come_with_the_text_that_they_complete() -> None:
    attribution = _attribute((1, _NOTHING), (_CONTROL, _NOTHING), (2, _text("ab")))

    assert _tokens(attribution.show(1, is_last=False)) == []
    assert _tokens(attribution.show(1, is_last=False)) == [2]

    attribution.add(3, _logprobs(3), _NOTHING)
    attribution.add(4, _logprobs(4), _text("c"))
    assert _tokens(attribution.show(1, is_last=False)) == [3, 4]


def test_calls_are_neither_text_nor_reasoning() -> None:
    call: tuple[Event, ...] = (ToolCallStart(index=0, name="f"), ToolCallDelta(index=0, arguments="{"))
    attribution = _attribute((_CONTROL, call), (1, (ToolCallDelta(index=0, arguments="}"),)), (2, _NOTHING))

    assert attribution.reasoning_tokens == 0
    assert attribution.show(0, is_last=True) == ()


def test_what_a_stop_string_swallows_has_no_log_probabilities() -> None:
    reply = Reply(
        parser=ScriptedParser([_text("a"), _text("b E"), _text("N"), _text("D")]), stop_strings=["END"]
    )

    pieces = reply.read(Tokens(ids=(0, 1, 2, 3), logprobs=tuple(map(_logprobs, range(4)))))

    assert pieces == [Text(text="ab ", logprobs=(_logprobs(0), _logprobs(1)))]
