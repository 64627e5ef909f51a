"""A reply as Anthropic's blocks: the same streamed and whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.events import ReasoningDelta, ToolCallDelta, ToolCallStart
from optiq_server.translate.anthropic_reply import JsonObject, MessageEvents, MessageHead, message
from optiq_server.translate.reply import Finished, FinishReason, Piece, Text, Usage
from tests.server.doubles import CountedIds

_HEAD = MessageHead(id="msg_1", model="m")
_USAGE = Usage(prompt_tokens=10, completion_tokens=7, cached_tokens=4, reasoning_tokens=3)
_STOPPED = Finished(reason=FinishReason.STOP, usage=_USAGE)

_PIECES = st.lists(
    st.one_of(
        st.text(max_size=4).map(lambda text: ReasoningDelta(text=text)),
        st.text(max_size=4).map(lambda text: Text(text=text)),
        st.just(None),
    ),
    max_size=8,
)


def _body(*pieces: Piece, finished: Finished = _STOPPED) -> JsonObject:
    return message(_HEAD, pieces, finished, new_call_id=CountedIds())


def _blocks(*pieces: Piece) -> list[dict[str, object]]:
    content = _body(*pieces)["content"]
    assert isinstance(content, list)
    return content


def _events(*pieces: Piece, finished: Finished = _STOPPED) -> list[JsonObject]:
    events = MessageEvents(_HEAD, new_call_id=CountedIds())
    told = [events.of([piece]) for piece in pieces]
    return [*events.begin(10), *itertools.chain(*told), *events.end(finished)]


def _call(index: int, name: str, arguments: str) -> list[Piece]:
    return [ToolCallStart(index=index, name=name), ToolCallDelta(index=index, arguments=arguments)]


def test_a_reply_is_blocks_in_order() -> None:
    thought, said = ReasoningDelta(text="Ask."), Text(text="Looking.")

    assert _blocks(thought, said, *_call(0, "get", '{"a":1}'), *_call(1, "put", "")) == [
        {"type": "thinking", "thinking": "Ask.", "signature": "optiq"},
        {"type": "text", "text": "Looking.", "citations": None},
        {"type": "tool_use", "id": "call_0", "name": "get", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_1", "name": "put", "input": {}},
    ]


def test_a_stream_begins_and_ends_each_block() -> None:
    events = _events(ReasoningDelta(text="Ask."), *_call(0, "get", '{"a":1}'))

    assert [event["type"] for event in events] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event["delta"] for event in events if event["type"] == "content_block_delta"] == [
        {"type": "thinking_delta", "thinking": "Ask."},
        {"type": "signature_delta", "signature": "optiq"},
        {"type": "input_json_delta", "partial_json": '{"a":1}'},
    ]
    assert [event["index"] for event in events if event["type"] == "content_block_stop"] == [0, 1]


def test_a_blank_line_that_parts_messages_is_left_out_where_a_block_parts_them() -> None:
    blocks = _blocks(
        ReasoningDelta(text="One."), Text(text="So:"), ReasoningDelta(text="\n\nTwo."), Text(text="\n\nYes.")
    )

    assert [block.get("thinking", block.get("text")) for block in blocks] == ["One.", "So:", "Two.", "Yes."]


def test_messages_of_one_kind_in_a_row_are_one_block() -> None:
    assert [block["text"] for block in _blocks(Text(text="So:"), Text(text="\n\nYes."))] == ["So:\n\nYes."]


@pytest.mark.parametrize(
    "arguments", ['{"a":', "[1]", "5", '{"a":NaN}', '{"a":"\\ud800"}', "1e999", "[" * 10**5]
)
def test_arguments_that_are_no_object_are_kept_as_text(arguments: str) -> None:
    [block] = _blocks(*_call(0, "get", arguments))

    assert block["input"] == {"INVALID_JSON": arguments}


@pytest.mark.parametrize(
    ("reason", "stop_string", "told"),
    [
        (FinishReason.STOP, None, ("end_turn", None)),
        (FinishReason.STOP, "END", ("stop_sequence", "END")),
        (FinishReason.LENGTH, None, ("max_tokens", None)),
        (FinishReason.TOOL_CALLS, None, ("tool_use", None)),
    ],
)
def test_the_end_has_its_reason(
    reason: FinishReason, stop_string: str | None, told: tuple[str, str | None]
) -> None:
    finished = Finished(reason=reason, usage=_USAGE, stop_string=stop_string)

    body, event = _body(finished=finished), _events(finished=finished)[-2]

    assert (body["stop_reason"], body["stop_sequence"]) == told
    assert event["delta"] == {"stop_reason": told[0], "stop_sequence": told[1]}


def test_cached_tokens_are_counted_apart() -> None:
    counted = {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }

    assert _body()["usage"] == counted
    assert _events()[-2]["usage"] == counted


@given(pieces=_PIECES)
def test_a_stream_says_what_a_body_says(pieces: list[ReasoningDelta | Text | None]) -> None:
    said: list[Piece] = [
        each for piece in pieces for each in (_call(0, "get", "{}") if piece is None else [piece])
    ]

    streamed: list[dict[str, object]] = []
    for event in _events(*said):
        block, delta = event.get("content_block"), event.get("delta")
        if isinstance(block, dict):
            streamed.append({**block, "said": ""})
        elif event["type"] == "content_block_delta" and isinstance(delta, dict):
            said_now = delta.get("thinking", delta.get("text", delta.get("partial_json", "")))
            streamed[-1]["said"] = str(streamed[-1]["said"]) + str(said_now)

    whole = [block.get("thinking", block.get("text", "{}")) for block in _blocks(*said)]
    assert [block["said"] for block in streamed] == whole
