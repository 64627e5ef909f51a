"""The wire format of chat completions. The stream and the body say the same."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from optiq_harmony.events import Event, ToolCallDelta, ToolCallStart
from optiq_server.engine.types import EndReason, TokenLogprobs
from optiq_server.translate.chat_reply import ChatChunks, ReplyHead, chat_completion
from optiq_server.translate.reply import Finished, FinishReason, Piece, Reply, Text, Usage
from tests.server.doubles import CountedIds, ScriptedParser
from tests.server.strategies import event_tokens, read_in_groups

_HEAD = ReplyHead(id="chatcmpl-1", created=1_700_000_000, model="m", system_fingerprint="fp_0")
_USAGE = Usage(prompt_tokens=10, completion_tokens=7, cached_tokens=4, reasoning_tokens=2)
_FINISHED = Finished(reason=FinishReason.STOP, usage=_USAGE)


def _token_bytes(token: int) -> bytes:
    return b"<%d>" % token


def _chunks(*, include_usage: bool = False) -> ChatChunks:
    return ChatChunks(_HEAD, new_call_id=CountedIds(), token_bytes=_token_bytes, include_usage=include_usage)


def _stream(
    pieces: Iterable[Piece], finished: Finished = _FINISHED, *, include_usage: bool = False
) -> list[ChatCompletionChunk]:
    chunks = _chunks(include_usage=include_usage)
    told = [*chunks.of(0, pieces), *chunks.end(0, finished), *chunks.closing()]
    return [ChatCompletionChunk.model_validate(chunk, strict=True) for chunk in told]


def _body(pieces: Sequence[Piece], finished: Finished = _FINISHED) -> ChatCompletion:
    body = chat_completion(_HEAD, [(pieces, finished)], new_call_id=CountedIds(), token_bytes=_token_bytes)
    return ChatCompletion.model_validate(body, strict=True)


def _joined(chunks: list[ChatCompletionChunk]) -> dict[str, object]:
    """What a client has once it has joined a stream's chunks."""
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    extras = [delta.model_extra or {} for delta in deltas]
    calls: dict[int, list[str]] = {}
    for call in (call for delta in deltas for call in delta.tool_calls or []):
        assert call.function is not None
        calls.setdefault(call.index, [call.id or "", call.function.name or "", ""])
        calls[call.index][2] += call.function.arguments or ""
    return {
        "content": "".join(delta.content or "" for delta in deltas),
        "reasoning": "".join(extra.get("reasoning", "") for extra in extras),
        "reasoning_content": "".join(extra.get("reasoning_content", "") for extra in extras),
        "calls": list(calls.values()),
        "finish_reasons": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1],
    }


def _whole(body: ChatCompletion) -> dict[str, object]:
    message = body.choices[0].message
    extra = message.model_extra or {}
    calls = [
        [call.id, call.function.name, call.function.arguments]
        for call in message.tool_calls or []
        if call.type == "function"
    ]
    return {
        "content": message.content or "",
        "reasoning": extra.get("reasoning", ""),
        "reasoning_content": extra.get("reasoning_content", ""),
        "calls": calls,
        "finish_reasons": body.choices[0].finish_reason,
    }


@given(
    tokens=event_tokens(),
    size=st.integers(1, 6),
    stop=st.lists(st.text(min_size=1, max_size=2), max_size=2),
    reason=st.sampled_from([EndReason.STOP, EndReason.LENGTH]),
)
def test_the_joined_stream_is_the_body_for_any_grouping_of_tokens(
    tokens: list[tuple[Event, ...]], size: int, stop: list[str], reason: EndReason
) -> None:
    ids = tuple(range(len(tokens)))
    groups = [ids[start : start + size] for start in range(0, len(ids), size)]
    streamed, end_of_stream = read_in_groups(
        Reply(parser=ScriptedParser(tokens), stop_strings=stop), groups, reason
    )
    at_once, end_at_once = read_in_groups(
        Reply(parser=ScriptedParser(tokens), stop_strings=stop), [ids], reason
    )

    assert _joined(_stream(streamed, end_of_stream)) == _whole(_body(at_once, end_at_once))


def test_the_role_is_in_the_first_chunk_only() -> None:
    chunks = _stream([Text(text="a"), Text(text="b")])

    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None, None, None]


def test_a_call_has_its_id_and_name_in_its_first_chunk_only() -> None:
    pieces: list[Piece] = [ToolCallStart(index=0, name="f"), ToolCallDelta(index=0, arguments="{}")]

    calls = [chunk.choices[0].delta.tool_calls for chunk in _stream(pieces)]

    assert calls[1] is not None
    assert calls[2] is not None
    assert (calls[1][0].id, calls[1][0].type) == ("call_0", "function")
    assert (calls[2][0].id, calls[2][0].type) == (None, None)
    assert calls[2][0].function is not None
    assert (calls[2][0].function.name, calls[2][0].function.arguments) == (None, "{}")


def test_usage_is_one_more_chunk_without_choices_and_null_before() -> None:
    chunks = _chunks(include_usage=True)

    told = [*chunks.end(0, _FINISHED), *chunks.closing()]

    assert [chunk["usage"] for chunk in told[:-1]] == [None, None]
    assert told[-1]["choices"] == []
    assert told[-1]["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_usage_is_absent_from_a_stream_that_did_not_ask() -> None:
    chunks = _chunks()

    told = [*chunks.end(0, _FINISHED), *chunks.closing()]

    assert not any("usage" in chunk for chunk in told)


def test_the_finish_reason_is_in_one_chunk() -> None:
    chunks = _stream([Text(text="a")], include_usage=True)

    assert [[choice.finish_reason for choice in chunk.choices] for chunk in chunks] == [
        [None],
        [None],
        ["stop"],
        [],
    ]


def test_content_is_null_only_where_calls_stand_in_its_place() -> None:
    call = ToolCallStart(index=0, name="f")

    assert _body([call]).choices[0].message.content is None
    assert _body([]).choices[0].message.content == ""
    assert _body([Text(text="a"), call]).choices[0].message.content == "a"


def test_a_body_without_reasoning_has_no_key_for_it() -> None:
    extra = _body([Text(text="a")]).choices[0].message.model_extra

    assert not extra


def test_samples_are_told_apart_and_the_prompt_is_counted_once() -> None:
    chunks = _chunks(include_usage=True)

    told = [
        *chunks.of(1, [Text(text="b")]),
        *chunks.of(0, [Text(text="a")]),
        *chunks.end(1, _FINISHED),
        *chunks.end(0, _FINISHED),
        *chunks.closing(),
    ]

    parsed = [ChatCompletionChunk.model_validate(chunk, strict=True) for chunk in told]
    seen = [(c.choices[0].index, c.choices[0].delta.role, c.choices[0].delta.content) for c in parsed[:-1]]
    assert seen == [
        *((1, "assistant", ""), (1, None, "b")),
        *((0, "assistant", ""), (0, None, "a")),
        *((1, None, None), (0, None, None)),
    ]
    usage = parsed[-1].usage
    assert usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 14, 24)


def test_log_probabilities_stand_beside_their_text_in_stream_and_body() -> None:
    drawn = TokenLogprobs(token=5, logprob=-0.5, top=((5, -0.5), (6, -1.5)))
    pieces = [Text(text="a", logprobs=(drawn,)), Text(text="b")]

    [_, first, second, _] = _stream(pieces)
    whole = _body(pieces).choices[0].logprobs

    assert first.choices[0].logprobs
    assert second.choices[0].logprobs is None
    assert whole
    for content in (first.choices[0].logprobs.content, whole.content):
        assert content
        [entry] = content
        assert (entry.token, entry.logprob, entry.bytes) == ("<5>", -0.5, list(b"<5>"))
        assert [(top.token, top.logprob) for top in entry.top_logprobs] == [("<5>", -0.5), ("<6>", -1.5)]


def test_a_custom_tools_call_is_told_as_text_in_stream_and_body() -> None:
    pieces: list[Piece] = [
        ToolCallStart(index=0, name="shell"),
        ToolCallDelta(index=0, arguments="ls "),
        ToolCallDelta(index=0, arguments="-l"),
    ]
    custom = frozenset({"shell"})
    chunks = ChatChunks(
        _HEAD,
        new_call_id=CountedIds(),
        token_bytes=_token_bytes,
        include_usage=False,
        custom_tools=custom,
    )

    told: list[Any] = chunks.of(0, pieces)
    body = chat_completion(
        _HEAD,
        [(pieces, _FINISHED)],
        new_call_id=CountedIds(),
        token_bytes=_token_bytes,
        custom_tools=custom,
    )

    # The SDK has a type for such a call in a body, but none in a stream.
    assert [chunk["choices"][0]["delta"]["tool_calls"] for chunk in told[1:]] == [
        [{"index": 0, "id": "call_0", "type": "custom", "custom": {"name": "shell", "input": ""}}],
        [{"index": 0, "custom": {"input": "ls "}}],
        [{"index": 0, "custom": {"input": "-l"}}],
    ]
    message = ChatCompletion.model_validate(body, strict=True).choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].model_dump() == {
        "id": "call_0",
        "type": "custom",
        "custom": {"name": "shell", "input": "ls -l"},
    }
