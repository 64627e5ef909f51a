"""The wire format of responses. Every event is of the SDK's type, and the last one's response is the body."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_harmony.events import Event, ReasoningDelta, ToolCallDelta, ToolCallStart
from optiq_server.engine.types import EndReason, TokenLogprobs
from optiq_server.errors import TimedOut
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.translate.encoded_reasoning import decode_reasoning
from optiq_server.translate.reply import Finished, FinishReason, Piece, Reply, Text, Usage
from optiq_server.translate.response_object import ResponseHead
from optiq_server.translate.responses_reply import ResponseEvents, error_event, whole_response
from optiq_server.translate.responses_request import response_job
from optiq_server.translate.tools import CalledTool
from tests.server.doubles import CountedIds, ScriptedParser
from tests.server.response_events import names, validated, validated_response
from tests.server.strategies import event_tokens, read_in_groups

_HEAD = ResponseHead(
    id="resp_1",
    created=1_700_000_000,
    model="m",
    repeated=response_job(ResponsesRequest.model_validate({"input": "hi"}), earlier=[], items=[]).repeated,
)
_USAGE = Usage(prompt_tokens=10, completion_tokens=7, cached_tokens=4, reasoning_tokens=2)
_FINISHED = Finished(reason=FinishReason.STOP, usage=_USAGE)
_CUT = Finished(reason=FinishReason.LENGTH, usage=_USAGE)
_END = 1_700_000_005


def _events(*, custom: frozenset[str] = frozenset(), encrypted: bool = False) -> ResponseEvents:
    return ResponseEvents(
        _HEAD,
        new_id=CountedIds(),
        token_bytes=lambda token: b"<%d>" % token,
        tools={name: CalledTool(name=name, is_custom=True) for name in custom},
        encrypted_content=encrypted,
    )


def _stream(
    pieces: Sequence[Piece], finished: Finished = _FINISHED, events: ResponseEvents | None = None
) -> list[dict[str, Any]]:
    events = events or _events()
    told = [*events.opening(), *events.of(pieces), *events.finish(finished, completed=_END)]
    return [validated(event) for event in told]


def _rebuilt(events: Sequence[dict[str, Any]]) -> list[Any]:
    """The output as a client puts it together from the deltas alone."""
    output: dict[int, list[str]] = {}
    for event in events:
        if event["type"] == "response.output_item.added":
            output[event["output_index"]] = [event["item"]["type"], ""]
        elif event["type"].endswith(".delta"):
            output[event["output_index"]][1] += event["delta"]
    return [output[index] for index in sorted(output)]


def _texts(response: dict[str, Any]) -> list[Any]:
    def text(item: dict[str, Any]) -> str:
        parts = [part["text"] for part in item.get("content", [])]
        return "".join(parts) + str(item.get("arguments", "")) + str(item.get("input", ""))

    return [[item["type"], text(item)] for item in response["output"]]


# The SDK builds its types when they are first used, which takes longer than a deadline.
@settings(deadline=None)
@given(
    tokens=event_tokens(),
    size=st.integers(1, 6),
    reason=st.sampled_from([EndReason.STOP, EndReason.LENGTH]),
    custom=st.booleans(),
)
def test_the_streams_last_response_is_the_body_for_any_grouping_of_tokens(
    tokens: list[tuple[Event, ...]], size: int, reason: EndReason, *, custom: bool
) -> None:
    ids = tuple(range(len(tokens)))
    groups = [ids[start : start + size] for start in range(0, len(ids), size)]
    tools = frozenset({"f"}) if custom else frozenset()
    streamed, end_of_stream = read_in_groups(Reply(parser=ScriptedParser(tokens)), groups, reason)
    at_once, end_at_once = read_in_groups(Reply(parser=ScriptedParser(tokens)), [ids], reason)

    events = _stream(streamed, end_of_stream, _events(custom=tools))
    body = whole_response(_events(custom=tools), at_once, end_at_once, completed=_END)

    last = events[-1]["response"]
    assert last == body
    validated_response(body)
    assert _rebuilt(events) == _texts(last)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == last["output"]


def test_a_second_message_of_a_kind_begins_without_what_parts_the_folds_messages() -> None:
    pieces: list[Piece] = [
        ReasoningDelta(text="one"),
        Text(text="preamble"),
        ReasoningDelta(text="\n\ntwo"),
        Text(text="\n\nanswer"),
    ]

    assert _texts(_stream(pieces)[-1]["response"]) == [
        ["reasoning", "one"],
        ["message", "preamble"],
        ["reasoning", "two"],
        ["message", "answer"],
    ]


def test_blank_lines_that_the_model_begins_with_are_kept() -> None:
    assert _texts(_stream([Text(text="\n\nhi")])[-1]["response"]) == [["message", "\n\nhi"]]


def test_parallel_calls_are_items_of_their_own() -> None:
    pieces: list[Piece] = [
        ToolCallStart(index=0, name="f"),
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallStart(index=1, name="shell"),
        ToolCallDelta(index=1, arguments="ls"),
    ]

    output = _stream(pieces, events=_events(custom=frozenset({"shell"})))[-1]["response"]["output"]

    assert output == [
        {
            "id": "fc_0",
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
        },
        {
            "id": "ctc_2",
            "type": "custom_tool_call",
            "call_id": "call_3",
            "name": "shell",
            "input": "ls",
            "status": "completed",
        },
    ]


def test_a_call_of_a_namespaces_tool_is_told_as_the_client_names_it() -> None:
    events = ResponseEvents(
        _HEAD,
        new_id=CountedIds(),
        token_bytes=lambda _: b"",
        tools={"clock.sleep": CalledTool(name="sleep", namespace="clock")},
    )

    [call] = _stream([ToolCallStart(index=0, name="clock.sleep")], events=events)[-1]["response"]["output"]

    assert (call["type"], call["namespace"], call["name"]) == ("function_call", "clock", "sleep")


def test_an_empty_reply_is_a_completed_response_without_items() -> None:
    events = _stream([])

    assert names(events) == ["created", "in_progress", "completed"]
    assert events[-1]["response"]["output"] == []
    assert events[-1]["response"]["completed_at"] == _END


def test_the_first_events_know_the_request_and_no_output() -> None:
    created, in_progress = _stream([Text(text="hi")])[:2]

    assert created["response"] == in_progress["response"]
    assert created["response"]["status"] == "in_progress"
    assert created["response"]["usage"] is None
    assert created["response"]["tool_choice"] == "auto"


def test_a_cut_reply_closes_its_last_item_as_incomplete() -> None:
    events = _stream([ReasoningDelta(text="so"), Text(text="hal")], _CUT)

    response = events[-1]["response"]
    assert names(events)[-2:] == ["output_item.done", "incomplete"]
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["usage"]["output_tokens"] == 7


@pytest.mark.parametrize(("cancelled", "status"), [(False, "failed"), (True, "cancelled")])
def test_a_reply_that_broke_off_does_not_close_its_item(*, cancelled: bool, status: str) -> None:
    events = _events()
    begun = [*events.opening(), *events.of([ToolCallStart(index=0, name="f")])]
    begun += events.of([ToolCallDelta(index=0, arguments='{"a":')])

    told = [*begun, *events.fail(TimedOut("too slow"), cancelled=cancelled)]

    assert names([validated(event) for event in told])[-2:] == ["function_call_arguments.delta", "failed"]
    response = validated_response(events.response)
    assert response.status == status
    assert response.output[0].type == "function_call"
    assert response.output[0].status == "incomplete"
    assert (response.error and response.error.message) == (None if cancelled else "too slow")


def test_log_probabilities_stand_beside_their_text() -> None:
    logprobs = (TokenLogprobs(token=1, logprob=-0.5, top=((1, -0.5), (2, -1.0))),)

    events = _stream([Text(text="a", logprobs=logprobs), Text(text="b")])

    told = {
        "token": "<1>",
        "bytes": list(b"<1>"),
        "logprob": -0.5,
        "top_logprobs": [
            {"token": "<1>", "bytes": list(b"<1>"), "logprob": -0.5},
            {"token": "<2>", "bytes": list(b"<2>"), "logprob": -1.0},
        ],
    }
    deltas = [event["logprobs"] for event in events if event["type"].endswith("text.delta")]
    assert deltas == [[told], []]
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == [told]


def test_reasoning_is_encoded_where_that_is_asked_for() -> None:
    pieces = [ReasoningDelta(text="so \N{SNOWMAN}")]

    encoded = _stream(pieces, events=_events(encrypted=True))[-1]["response"]["output"][0]
    plain = _stream(pieces)[-1]["response"]["output"][0]

    assert decode_reasoning(encoded["encrypted_content"]) == "so \N{SNOWMAN}"
    assert "encrypted_content" not in plain


def test_usage_has_openais_details() -> None:
    assert _stream([])[-1]["response"]["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 17,
    }


def test_a_fault_outside_the_response_is_an_error_event() -> None:
    event = error_event(TimedOut("too slow", code="timeout"))

    assert validated(event)["message"] == "too slow"
