from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    Role,
    StreamableParser,
)

from optiq_harmony.events import (
    Event,
    Fault,
    MessageEnd,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
)
from optiq_harmony.parser import _ACTIONS, Parser, _Kind, _State
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, STOP_TOKENS, VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.replies import ReplyMessage, replies, spelled
from tests.harmony.spelling import Content, Speller, contents, parse, spell

_FINAL = ["<|channel|>", "final", "<|message|>"]
_control_tokens = st.sampled_from(ControlToken)
_any_tokens = st.lists(
    _control_tokens
    | st.integers(0, FIRST_SPECIAL_TOKEN - 1)
    | st.integers(FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE)
    | st.integers(),
    max_size=60,
)


def _deltas(events: Iterable[Event]) -> str:
    return "".join(text for _, _, text in contents(events))


def _openai_contents(vocabulary: Vocabulary, tokens: list[int]) -> list[Content]:
    parser = StreamableParser(vocabulary.encoding, Role.ASSISTANT)
    for token in tokens:
        parser.process(token)
    found: list[Content] = []
    for message in parser.messages:
        text = "".join(content.text for content in message.content)
        # It takes a content type without a recipient for the recipient; see openai/harmony#144.
        if message.recipient is not None and message.recipient.startswith("functions."):
            found.append(("call", message.recipient.removeprefix("functions."), text))
        else:
            found.append(("reasoning" if message.channel == "analysis" else "text", None, text))
    return found


def _written(reply: list[ReplyMessage]) -> list[Content]:
    # A message without text says nothing, unless it is a call.
    return [(each.kind, each.function, each.body) for each in reply if each.body or each.kind == "call"]


@given(reply=replies())
def test_a_well_formed_reply_gives_its_messages_without_faults(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage]
) -> None:
    events = parse(vocabulary, speller.tokens(spelled(reply)))

    assert contents(events) == _written(reply)
    assert [event for event in events if isinstance(event, Fault)] == []
    assert events.count(MessageEnd(complete=True)) == len(reply)


@given(reply=replies())
def test_a_well_formed_reply_gives_what_openai_harmonys_parser_gives(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage]
) -> None:
    tokens = speller.tokens(spelled(reply))

    expected = [content for content in _openai_contents(vocabulary, tokens) if content[2] or content[1]]
    assert contents(parse(vocabulary, tokens)) == expected


@given(
    data=st.binary(max_size=12) | st.text(alphabet="aé日😀\u0301\u200d👩", max_size=6).map(str.encode),
)
def test_text_that_comes_byte_by_byte_equals_openai_harmonys(
    vocabulary: Vocabulary, speller: Speller, data: bytes
) -> None:
    tokens = [*speller.tokens([*_FINAL]), *speller.byte_tokens(data), ControlToken.RETURN]

    content = _deltas(parse(vocabulary, tokens))

    assert content == data.decode(errors="replace")
    assert content == "".join(text for _, _, text in _openai_contents(vocabulary, tokens))


@pytest.mark.parametrize("text", ["日本語", "e\u0301", "👩‍👩‍👧", "naïve 😀!"])
def test_a_delta_never_holds_half_a_character(vocabulary: Vocabulary, speller: Speller, text: str) -> None:
    parser = Parser(vocabulary)
    for token in speller.tokens([*_FINAL]):
        parser.feed(token)

    deltas = [parser.feed(token) for token in speller.byte_tokens(text.encode())]

    assert [event for events in deltas for event in events] == [TextDelta(text=each) for each in text]


@given(tokens=_any_tokens)
def test_no_ids_whatever_raise_and_none_is_shown_that_is_no_text(
    vocabulary: Vocabulary, tokens: list[int]
) -> None:
    events = parse(vocabulary, tokens)

    text = b"".join(vocabulary.token_bytes(t) for t in tokens if 0 <= t < FIRST_SPECIAL_TOKEN)
    shown = _deltas(events).replace("\ufffd", "").encode()
    assert _is_subsequence(shown, text)


def _is_subsequence(part: bytes, whole: bytes) -> bool:
    rest = iter(whole)
    return all(byte in rest for byte in part)


@st.composite
def _mutations(draw: st.DrawFn, tokens: list[int]) -> list[int]:
    """`tokens` after some drops, repetitions, exchanges and insertions of control tokens."""
    mutated = list(tokens)
    for _ in range(draw(st.integers(1, 3))):
        places = [index for index, token in enumerate(mutated) if token >= FIRST_SPECIAL_TOKEN]
        index = draw(st.sampled_from(places or [0]))
        match draw(st.sampled_from(["drop", "repeat", "exchange", "insert"])):
            case "drop":
                del mutated[index : index + 1]
            case "repeat":
                mutated[index:index] = mutated[index : index + 1]
            case "exchange":
                mutated[index : index + 2] = reversed(mutated[index : index + 2])
            case "insert":
                mutated.insert(draw(st.integers(0, len(mutated))), draw(_control_tokens))
    return mutated


@given(reply=replies(st.text(alphabet="ABC .日", max_size=8)), data=st.data())
def test_a_mutated_reply_loses_no_body(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage], data: st.DataObject
) -> None:
    tokens = data.draw(_mutations(speller.tokens(spelled(reply))))

    rest = _deltas(parse(vocabulary, tokens))

    assert "<|" not in rest
    for body in _bodies(vocabulary, tokens):
        assert body in rest
        rest = rest[rest.index(body) + len(body) :]


def _bodies(vocabulary: Vocabulary, tokens: list[int]) -> list[str]:
    """What stands behind each `<|message|>` that opens a body, up to what closes it."""
    bodies: list[bytes] = []
    is_open = False
    for token in tokens:
        if token < FIRST_SPECIAL_TOKEN:
            if is_open:
                bodies[-1] += vocabulary.token_bytes(token)
        elif token == ControlToken.MESSAGE and not is_open:
            bodies.append(b"")
            is_open = True
        elif token not in (ControlToken.MESSAGE, ControlToken.CONSTRAIN):
            is_open = False
    return [body.decode() for body in bodies]


@st.composite
def _one_slip(draw: st.DrawFn, tokens: list[int]) -> list[int]:
    """`tokens` with one control token forgotten or written twice."""
    index = draw(st.sampled_from([i for i, token in enumerate(tokens) if token >= FIRST_SPECIAL_TOKEN]))
    return [
        *tokens[:index],
        *draw(st.sampled_from([[], tokens[index : index + 1] * 2])),
        *tokens[index + 1 :],
    ]


# No function's name goes on with a bracket, so these bodies can be told from a header.
@given(reply=replies(st.sampled_from(["(SECRET", "<SECRET SECRET>", '{"SECRET": 1}'])), data=st.data())
def test_one_slip_neither_loses_text_nor_shows_a_header_or_what_was_thought(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage], data: st.DataObject
) -> None:
    tokens = data.draw(_one_slip(speller.tokens(spelled(reply))))

    messages = contents(parse(vocabulary, tokens))

    assert "".join(text for _, _, text in messages) == "".join(message.body for message in reply)
    assert [kind for kind, _, _ in messages] == [message.kind for message in reply]


@given(reply=replies(), cut=st.integers(0, 200))
def test_a_reply_cut_anywhere_shows_the_beginning_of_the_whole(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage], cut: int
) -> None:
    tokens = speller.tokens(spelled(reply))

    events = parse(vocabulary, tokens[:cut])

    shown = _deltas(events).rstrip("\ufffd")  # of a character that was cut
    assert _deltas(parse(vocabulary, tokens)).startswith(shown)


@given(reply=replies())
def test_events_do_not_depend_on_how_text_is_split_into_tokens(
    vocabulary: Vocabulary, speller: Speller, reply: list[ReplyMessage]
) -> None:
    tokens = speller.tokens(spelled(reply))
    bytewise = [
        piece
        for token in tokens
        for piece in (
            speller.byte_tokens(vocabulary.token_bytes(token)) if token < FIRST_SPECIAL_TOKEN else [token]
        )
    ]

    assert spell(parse(vocabulary, bytewise)) == spell(parse(vocabulary, tokens))


@given(tokens=_any_tokens)
def test_each_delta_belongs_to_a_message_and_each_message_ends_once(
    vocabulary: Vocabulary, tokens: list[int]
) -> None:
    called = -1
    is_open = False
    for event in parse(vocabulary, tokens):
        match event:
            case ToolCallStart():
                assert not is_open
                assert event.index == called + 1
                called += 1
                is_open = True
            case ToolCallDelta():
                assert is_open
                assert event.index == called
            case TextDelta() | ReasoningDelta():
                assert event.text
                is_open = True
            case MessageEnd():
                is_open = False
            case Stop():
                assert not is_open
            case Fault():
                pass

    assert not is_open


def test_finishing_twice_says_nothing_more_and_further_tokens_are_still_read(
    vocabulary: Vocabulary, speller: Speller
) -> None:
    parser = Parser(vocabulary)
    for token in speller.tokens([*_FINAL, "Hi"]):
        parser.feed(token)
    parser.finish()

    assert parser.finish() == ()
    assert parser.feed(ControlToken.START) == ()


@pytest.mark.parametrize("token", sorted(STOP_TOKENS))
def test_each_stop_token_has_a_reason(vocabulary: Vocabulary, speller: Speller, token: int) -> None:
    *_, last = parse(vocabulary, [*speller.tokens([*_FINAL, "Hi"]), token])

    assert last == Stop(reason=StopReason(ControlToken(token).name.lower()))


def test_the_table_says_what_each_kind_of_token_does_in_each_state() -> None:
    expected = {(state, kind) for state in _State for kind in _Kind}

    assert set(_ACTIONS) == expected - {(_State.BODY, _Kind.TEXT)}


def test_a_header_of_nothing_but_control_tokens_is_bounded(vocabulary: Vocabulary) -> None:
    events = parse(vocabulary, [ControlToken.CHANNEL] * 1000)

    assert sum(isinstance(event, MessageEnd) for event in events) > 1


def test_a_function_may_have_a_long_name(vocabulary: Vocabulary, speller: Speller) -> None:
    name = "aQ7_zK9-" * 8

    events = parse(
        vocabulary, speller.tokens(["<|channel|>", f"commentary to=functions.{name}", "<|message|>"])
    )

    assert events[0] == ToolCallStart(index=0, name=name)
