"""Text completions on the wire: log-probabilities in the older form, echoes, usage."""

from collections.abc import Iterator, Sequence

from optiq_harmony.tokens import SPECIAL_TOKENS
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.raw import RawParser
from optiq_server.engine.types import EndReason, TokenLogprobs, Tokens
from optiq_server.translate.completion_reply import CompletionChunks, CompletionHead, JsonObject, completion
from optiq_server.translate.reply import Finished, Piece, Reply
from tests.server.doubles import Replies, ended

_HEAD = CompletionHead(
    id="cmpl-1", created=1, model="m", system_fingerprint="fp_1", prompts=1, samples=1, echoes=()
)


def _played(
    vocabulary: Vocabulary, tokens: Sequence[int], stop: Sequence[str] = ()
) -> tuple[list[list[Piece]], Finished]:
    """A reply as the fold tells it, one token a hand-over, each with a log-probability of its own."""
    parser = RawParser(token_bytes=vocabulary.token_bytes, control_tokens=SPECIAL_TOKENS)
    reply = Reply(parser=parser, stop_strings=stop, control_tokens=SPECIAL_TOKENS)
    told = [
        reply.read(Tokens(ids=(token,), logprobs=(_logprobs(token, index),)))
        for index, token in enumerate(tokens)
    ]
    pieces, outcome = reply.end(ended(EndReason.LENGTH))
    assert isinstance(outcome, Finished)
    return [*told, pieces], outcome


def _logprobs(token: int, index: int) -> TokenLogprobs:
    return TokenLogprobs(token=token, logprob=-1.0 - index, top=((0, -0.5),))


def _choice(body: JsonObject) -> dict[str, object]:
    choices = body["choices"]
    assert isinstance(choices, list)
    assert len(choices) == 1
    choice: dict[str, object] = choices[0]
    return choice


def _whole(vocabulary: Vocabulary, tokens: Sequence[int], stop: Sequence[str] = ()) -> dict[str, object]:
    told, finished = _played(vocabulary, tokens, stop)
    pieces = [piece for each in told for piece in each]
    return _choice(completion(_HEAD, [(pieces, finished)], token_bytes=vocabulary.token_bytes))


def _streamed(vocabulary: Vocabulary, tokens: Sequence[int]) -> Iterator[dict[str, object]]:
    told, finished = _played(vocabulary, tokens)
    chunks = CompletionChunks(_HEAD, token_bytes=vocabulary.token_bytes, include_usage=False)
    for pieces in told:
        yield from map(_choice, chunks.of(0, pieces))
    yield from map(_choice, chunks.end(0, finished))


def _logprobs_of(choice: dict[str, object]) -> dict[str, list[object]]:
    logprobs = choice["logprobs"]
    assert isinstance(logprobs, dict)
    return logprobs


def test_log_probabilities_are_told_by_token(vocabulary: Vocabulary, replies: Replies) -> None:
    choice = _whole(vocabulary, replies.encode(" and so"))

    assert choice["text"] == " and so"
    assert choice["finish_reason"] == "length"
    assert choice["logprobs"] == {
        "tokens": [" and", " so"],
        "token_logprobs": [-1.0, -2.0],
        "top_logprobs": [{"!": -0.5, " and": -1.0}, {"!": -0.5, " so": -2.0}],
        "text_offset": [0, 4],
    }


def test_parts_of_a_character_are_written_as_bytes(vocabulary: Vocabulary, replies: Replies) -> None:
    tokens = replies.encode("a\N{SNOWMAN}b")
    told = _logprobs_of(_whole(vocabulary, tokens))

    written = [str(each) for each in told["tokens"]]
    assert written[1].startswith("bytes:\\xe2\\x98")
    assert told["text_offset"] == [0, *([1] * (len(tokens) - 2)), 2]


def test_a_stream_tells_what_a_body_tells(vocabulary: Vocabulary, replies: Replies) -> None:
    tokens = replies.encode("One \N{SNOWMAN} and two.")
    whole = _whole(vocabulary, tokens)

    chunks = list(_streamed(vocabulary, tokens))

    assert "".join(str(chunk["text"]) for chunk in chunks) == whole["text"]
    told = [_logprobs_of(chunk) for chunk in chunks if chunk["logprobs"] is not None]
    for key, values in _logprobs_of(whole).items():
        assert [value for each in told for value in each[key]] == values
    assert [chunk["finish_reason"] for chunk in chunks if chunk["finish_reason"]] == ["length"]


def test_what_a_stop_string_swallows_has_no_log_probabilities(
    vocabulary: Vocabulary, replies: Replies
) -> None:
    choice = _whole(vocabulary, replies.encode(" and so on"), stop=[" so"])

    assert choice["text"] == " and"
    assert choice["finish_reason"] == "stop"
    assert _logprobs_of(choice)["tokens"] == [" and"]


def test_each_sample_begins_with_its_prompts_echo(vocabulary: Vocabulary, replies: Replies) -> None:
    head = CompletionHead(
        id="cmpl-1", created=1, model="m", system_fingerprint="fp_1", prompts=2, samples=2, echoes=("A", "B")
    )
    told, finished = _played(vocabulary, replies.encode("!"))
    pieces = [piece for each in told for piece in each]

    body = completion(head, [(pieces, finished)] * 4, token_bytes=vocabulary.token_bytes)
    chunks = CompletionChunks(head, token_bytes=vocabulary.token_bytes, include_usage=True)
    first, second = _choice(chunks.of(2, pieces)[0]), _choice(chunks.end(2, finished)[0])

    choices = body["choices"]
    assert isinstance(choices, list)
    assert [choice["text"] for choice in choices] == ["A!", "A!", "B!", "B!"]
    assert (first["text"], second["text"]) == ("B!", "")
