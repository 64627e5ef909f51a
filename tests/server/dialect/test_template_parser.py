import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from optiq_server.dialect.chat_tokenizer import ChatTokenizer
from optiq_server.dialect.template_parser import TemplateParser
from tests.server.dialect.chat_checkpoints import (
    CHAT,
    CHAT_THAT_OPENS_REASONING,
    CHAT_WITH_MISTRAL_TOOLS,
    CHAT_WITH_TOOLS,
    CHAT_WITH_XML_TOOLS,
    THINK,
    TOOLS,
    chat_tokenizer,
)

# No clock decides a test; on a busy machine an example may take any time.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

_ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}
QWEN = chat_tokenizer(CHAT_WITH_TOOLS, (*THINK, *TOOLS))
LETTERS = chat_tokenizer(CHAT_WITH_TOOLS)
MISTRAL = chat_tokenizer(CHAT_WITH_MISTRAL_TOOLS)
OPENED = chat_tokenizer(CHAT_THAT_OPENS_REASONING, THINK)
GEMMA = chat_tokenizer(CHAT, ("<|channel>", "<channel|>"))
CODER = chat_tokenizer(CHAT_WITH_XML_TOOLS, TOOLS)

STOP = Stop(reason=StopReason.END_OF_TEXT)
END = MessageEnd(complete=True)
CUT = (Fault(kind=FaultKind.TRUNCATED, detail="message"), MessageEnd(complete=False))
UNREADABLE = Fault(kind=FaultKind.CALL, detail="its text cannot be read")
CALL_TEXT = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


def parse(tokenizer: ChatTokenizer, reply: str | Iterable[int], *, tools: bool = True) -> list[Event]:
    """The events of a reply, neighbouring deltas of a kind joined."""
    parser = TemplateParser(tokenizer, tokenizer.reply_format, [_ADD] if tools else [])
    tokens = tokenizer.encode(reply) if isinstance(reply, str) else reply
    return joined([event for token in tokens for event in parser.feed(token)] + list(parser.finish()))


def joined(events: Sequence[Event]) -> list[Event]:
    result: list[Event] = []
    for event in events:
        match result[-1] if result else None, event:
            case TextDelta(text=before), TextDelta(text=text):
                result[-1] = TextDelta(text=before + text)
            case ReasoningDelta(text=before), ReasoningDelta(text=text):
                result[-1] = ReasoningDelta(text=before + text)
            case _:
                result.append(event)
    return result


def call(index: int, arguments: str = '{"a": 1}', name: str = "add") -> list[Event]:
    return [ToolCallStart(index=index, name=name), ToolCallDelta(index=index, arguments=arguments), END]


def test_text_is_text_and_streams_token_by_token() -> None:
    tokenizer = chat_tokenizer(CHAT)
    parser = TemplateParser(tokenizer, tokenizer.reply_format)

    told = [parser.feed(token) for token in tokenizer.encode("a \n<|im_end|>")]

    text = [(TextDelta(text=each),) for each in "a \n"]
    assert told == [*text, (END, STOP)]
    assert parser.finish() == ()


def test_a_span_of_thinking_is_reasoning_and_the_white_space_around_its_marks_is_nobodys() -> None:
    assert parse(QWEN, "<think>\nHm.\n\nYes. \n</think>\n\n It is 4.\n<|im_end|>") == [
        ReasoningDelta(text="Hm.\n\nYes."),
        END,
        TextDelta(text="It is 4.\n"),
        END,
        STOP,
    ]


def test_a_reply_to_a_prompt_that_opened_reasoning_begins_inside() -> None:
    expected = [ReasoningDelta(text="Hm."), END, TextDelta(text="4"), END, STOP]

    assert parse(OPENED, "Hm.\n</think>\n\n4<|im_end|>") == expected
    stray = Fault(kind=FaultKind.STRAY_TOKEN, detail="<think>")
    assert parse(OPENED, "<think>\nHm.\n</think>\n\n4<|im_end|>") == [stray, *expected]


def test_empty_thinking_is_nothing() -> None:
    assert parse(QWEN, "<think>\n\n</think>\n\nHi<|im_end|>") == [TextDelta(text="Hi"), END, STOP]


def test_marks_of_several_tokens_are_marks() -> None:
    assert parse(GEMMA, "<|channel>thought\nHm.<channel|>4<|im_end|>") == [
        ReasoningDelta(text="Hm."),
        END,
        TextDelta(text="4"),
        END,
        STOP,
    ]


@pytest.mark.parametrize("tokenizer", [QWEN, LETTERS], ids=["tokens", "letters"])
def test_calls_are_read_between_their_marks(tokenizer: ChatTokenizer) -> None:
    assert parse(tokenizer, f"One moment.\n{CALL_TEXT}\n{CALL_TEXT}<|im_end|>") == [
        TextDelta(text="One moment."),
        END,
        *call(0),
        *call(1),
        STOP,
    ]


def test_a_call_is_told_at_its_end_mark_and_nothing_of_it_before() -> None:
    parser = TemplateParser(QWEN, QWEN.reply_format, [_ADD])

    told = [parser.feed(token) for token in QWEN.encode(CALL_TEXT)]

    assert [events for events in told if events] == [tuple(call(0))]
    assert told[-1]


def test_a_parser_that_needs_the_declared_types_has_them() -> None:
    written = "<tool_call>\n<function=add>\n<parameter=a>\n7\n</parameter>\n</function></tool_call><|im_end|>"

    assert parse(CODER, written) == [*call(0, '{"a": 7}'), STOP]


def test_calls_without_an_end_mark_end_with_the_reply_or_at_the_next_one() -> None:
    assert parse(MISTRAL, 'Well. [TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]add[ARGS]{"a": 2}<|im_end|>') == [
        TextDelta(text="Well."),
        END,
        *call(0),
        *call(1, '{"a": 2}'),
        STOP,
    ]


def test_without_tools_the_letters_of_a_call_are_text_and_its_tokens_are_left_out() -> None:
    assert parse(LETTERS, f"{CALL_TEXT}<|im_end|>", tools=False) == [TextDelta(text=CALL_TEXT), END, STOP]
    stray, *rest = parse(QWEN, "<tool_call>a<|im_end|>", tools=False)
    assert stray == Fault(kind=FaultKind.STRAY_TOKEN, detail="<tool_call>")
    assert rest == [TextDelta(text="a"), END, STOP]


@pytest.mark.parametrize("body", ["", "{}", "add(1)", '{"name": "add", "arguments": [1]}', "\n<think> \n"])
def test_a_call_that_cannot_be_read_is_text_with_its_marks(body: str) -> None:
    written = f"<tool_call>{body}</tool_call>"

    assert parse(QWEN, f"{written}<|im_end|>") == [UNREADABLE, TextDelta(text=written), END, STOP]


def test_a_call_inside_reasoning_ends_it() -> None:
    fault = Fault(kind=FaultKind.STRAY_TOKEN, detail="<tool_call> in reasoning")

    assert parse(QWEN, f"<think>Hm. {CALL_TEXT}<|im_end|>") == [
        ReasoningDelta(text="Hm."),
        fault,
        END,
        *call(0),
        STOP,
    ]
    assert parse(QWEN, "<think>Hm. <tool_call> is it.</tool_call></think>4<|im_end|>") == [
        ReasoningDelta(text="Hm."),
        fault,
        END,
        UNREADABLE,
        ReasoningDelta(text="<tool_call> is it.</tool_call>"),
        END,
        TextDelta(text="4"),
        END,
        STOP,
    ]


def test_a_call_that_lacks_its_end_is_read_if_it_can_be() -> None:
    truncated = Fault(kind=FaultKind.TRUNCATED, detail="call")
    whole, cut = CALL_TEXT.removesuffix("</tool_call>"), CALL_TEXT[:30]

    assert parse(QWEN, f"{whole}<|im_end|>") == [truncated, *call(0), STOP]
    assert parse(QWEN, cut) == [truncated, UNREADABLE, TextDelta(text=cut), MessageEnd(complete=False)]


@pytest.mark.parametrize(("text", "kind"), [("Hi", TextDelta), ("<think>Hi", ReasoningDelta)])
def test_a_reply_that_was_cut_ends_incomplete(text: str, kind: type[TextDelta | ReasoningDelta]) -> None:
    assert parse(QWEN, text) == [kind(text="Hi"), *CUT]


def test_marks_without_meaning_and_other_control_tokens_are_left_out() -> None:
    def stray(detail: str) -> Fault:
        return Fault(kind=FaultKind.STRAY_TOKEN, detail=detail)

    assert parse(QWEN, "a</think>b<|im_start|>c</tool_call>d<|im_end|>") == [
        TextDelta(text="a"),
        stray("</think>"),
        TextDelta(text="b"),
        stray("<|im_start|>"),
        TextDelta(text="c"),
        stray("</tool_call>"),
        TextDelta(text="d"),
        END,
        STOP,
    ]


def test_what_follows_a_stop_token_is_a_new_answer() -> None:
    assert parse(QWEN, "<think>a<|im_end|>b<|im_end|>") == [
        ReasoningDelta(text="a"),
        END,
        STOP,
        TextDelta(text="b"),
        END,
        STOP,
    ]


def test_a_character_over_several_tokens_is_whole_and_a_broken_one_is_told() -> None:
    assert parse(QWEN, "€🙂<|im_end|>")[0] == TextDelta(text="€🙂")
    assert parse(QWEN, [*QWEN.encode("a€")[:-1], 258]) == [
        TextDelta(text="a"),
        Fault(kind=FaultKind.TRUNCATED, detail="character"),
        TextDelta(text="\ufffd"),
        END,
        STOP,
    ]


def test_the_space_that_a_tokenizer_puts_first_is_dropped_once() -> None:
    reply_format = replace(QWEN.reply_format, drops_first_space=True)
    parser = TemplateParser(QWEN, reply_format)

    told = [event for token in QWEN.encode(" a b<|im_end|>") for event in parser.feed(token)]

    assert joined(told) == [TextDelta(text="a b"), END, STOP]


def test_marks_that_say_nothing_are_left_out_and_their_beginnings_alone_are_not() -> None:
    kimi = chat_tokenizer(CHAT, ("<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>"))
    written = "<|open|>think<|sep|>Hm.<|close|>think<|sep|><|open|>response<|sep|>4<|close|>response<|sep|>"

    assert parse(kimi, f"{written}<|im_end|>") == [
        ReasoningDelta(text="Hm."),
        END,
        TextDelta(text="4"),
        END,
        STOP,
    ]
    assert parse(kimi, "<|open|>4<|im_end|>") == [TextDelta(text="<|open|>4"), END, STOP]


_PIECES = st.sampled_from([*THINK, *TOOLS, "<tool_", "a", "€", ' {"name": "add"}', "\n", "[TOOL_CALLS]", "{"])
_TOKENIZERS = st.sampled_from([QWEN, LETTERS, MISTRAL, OPENED, GEMMA, CODER, chat_tokenizer(CHAT)])


@given(_TOKENIZERS, st.lists(_PIECES), st.booleans())
def test_no_text_is_lost(tokenizer: ChatTokenizer, pieces: list[str], tools: bool) -> None:
    """Every word written is in a text or in a call, in order; marks and white space may go."""
    words = [piece for piece in pieces if piece in ("a", "€")]
    told = ""

    for event in parse(tokenizer, "".join(pieces), tools=tools):
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                told += text
            case ToolCallStart(name=name):
                told += name

    marks = (*THINK, *TOOLS, "[TOOL_CALLS]", "<tool_", '{"name": "add"}', "{", "add")
    for mark in marks:
        told = told.replace(mark, "")
    assert "".join(told.split()) == "".join(words)


@given(_TOKENIZERS, st.lists(st.integers(-2, 330)))
def test_nothing_raises_and_messages_are_well_formed(tokenizer: ChatTokenizer, tokens: list[int]) -> None:
    is_open = False

    for event in parse(tokenizer, tokens):
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                assert text
                is_open = True
            case ToolCallStart():
                assert not is_open
            case ToolCallDelta(arguments=arguments):
                assert isinstance(json.loads(arguments), dict)
                is_open = True
            case MessageEnd():
                assert is_open
                is_open = False
            case Stop():
                assert not is_open
            case Fault():
                pass
    assert not is_open
