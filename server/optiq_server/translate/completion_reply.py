"""The wire format of a text completion: pieces as stream chunks, or as one body. Pure.

Both are made of the same choices, so a client that joins the chunks has the body.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optiq_harmony.utf8 import Utf8Decoder
from optiq_server.engine.types import TokenLogprobs
from optiq_server.translate.reply import Finished, FinishReason, Piece, Text, Usage
from optiq_server.translate.usage import usage_object

JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionHead:
    """What every chunk repeats, and how the samples belong to prompts. `created` is in seconds since 1970.

    `echoes` has one text a prompt, which its samples begin with; none where the prompts are not echoed.
    """

    id: str
    created: int
    model: str
    system_fingerprint: str
    prompts: int
    samples: int
    echoes: tuple[str, ...] = ()

    def echo(self, index: int) -> str:
        """What sample `index` begins with."""
        return self.echoes[index // self.samples] if self.echoes else ""


class CompletionChunks:
    """Pieces as chunks: `of` for what comes of each sample, `end` once for each sample, `closing` once."""

    def __init__(
        self, head: CompletionHead, *, token_bytes: Callable[[int], bytes], include_usage: bool
    ) -> None:
        self._head = head
        self._token_bytes = token_bytes
        self._include_usage = include_usage
        self._told: dict[int, _Logprobs] = {}
        self._usages: dict[int, Usage] = {}

    def of(self, index: int, pieces: Iterable[Piece]) -> list[JsonObject]:
        """Sample `index`'s news; its first chunk has the echo."""
        return [self._chunk(index, *self._read(index, pieces))] if pieces else []

    def end(self, index: int, finished: Finished) -> list[JsonObject]:
        self._usages[index] = finished.usage
        return [self._chunk(index, *self._read(index, ()), reason=finished.reason)]

    def closing(self) -> list[JsonObject]:
        """What follows the last sample's end."""
        if not self._include_usage:
            return []
        usages = [self._usages[index] for index in sorted(self._usages)]
        return [self._envelope([], usage_object(usages, prompts=self._head.prompts))]

    def _read(self, index: int, pieces: Iterable[Piece]) -> tuple[str, JsonObject | None]:
        echo = ""
        if index not in self._told:
            echo = self._head.echo(index)
            self._told[index] = _Logprobs(self._token_bytes)
        return echo + _text(pieces), self._told[index].of(pieces)

    def _chunk(
        self, index: int, text: str, logprobs: JsonObject | None, *, reason: FinishReason | None = None
    ) -> JsonObject:
        return self._envelope([_choice(index, text, logprobs, reason)], None)

    def _envelope(self, choices: list[JsonObject], usage: JsonObject | None) -> JsonObject:
        chunk = _envelope(self._head, choices)
        if self._include_usage:
            chunk["usage"] = usage
        return chunk


def completion(
    head: CompletionHead,
    samples: Sequence[tuple[Sequence[Piece], Finished]],
    *,
    token_bytes: Callable[[int], bytes],
) -> JsonObject:
    """The body of a reply that is not streamed, with one choice a sample."""
    choices = [
        _choice(index, head.echo(index) + _text(pieces), _Logprobs(token_bytes).of(pieces), finished.reason)
        for index, (pieces, finished) in enumerate(samples)
    ]
    usages = [finished.usage for _, finished in samples]
    return {**_envelope(head, choices), "usage": usage_object(usages, prompts=head.prompts)}


class _Logprobs:
    """Log-probabilities of one sample's tokens in the older form, where the offsets run on.

    An offset is where a token's characters begin in what the model wrote; a token that ends a character
    begins where that character does.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = Utf8Decoder()
        self._offset = 0

    def of(self, pieces: Iterable[Piece]) -> JsonObject | None:
        """Those that came with these pieces; None where none did."""
        tokens = [each for piece in pieces if isinstance(piece, Text) for each in piece.logprobs]
        if not tokens:
            return None
        return {
            "tokens": [_written(self._token_bytes(each.token)) for each in tokens],
            "token_logprobs": [each.logprob for each in tokens],
            "top_logprobs": [self._top(each) for each in tokens]
            if any(each.top for each in tokens)
            else None,
            "text_offset": [self._advance(each.token) for each in tokens],
        }

    def _top(self, token: TokenLogprobs) -> dict[str, float]:
        """The most likely ones; the one that was drawn is always among them."""
        listed = {_written(self._token_bytes(each)): logprob for each, logprob in token.top}
        return {**listed, _written(self._token_bytes(token.token)): token.logprob}

    def _advance(self, token: int) -> int:
        begin = self._offset
        self._offset += len(self._decoder.feed(self._token_bytes(token)))
        return begin


def _choice(index: int, text: str, logprobs: JsonObject | None, reason: FinishReason | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def _envelope(head: CompletionHead, choices: list[JsonObject]) -> JsonObject:
    return {
        "id": head.id,
        "object": "text_completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": head.system_fingerprint,
        "choices": choices,
    }


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def _written(raw: bytes) -> str:
    """A token as text; one that is part of a character in OpenAI's notation, `bytes:\\xe2\\x98`."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)
