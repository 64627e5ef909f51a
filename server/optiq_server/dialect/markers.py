"""The marks that part a reply of other models than gpt-oss: `<think>`, `<tool_call>` and their like.

It finds them in a stream of token ids; what they mean is the parser's business.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from optiq_harmony.utf8 import Utf8Decoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """`text` is its written form, `parts` the same as control tokens' ids and ordinary text."""

    text: str
    parts: tuple[int | str, ...]

    @property
    def token(self) -> int | None:
        """Its id, where it is one token."""
        match self.parts:
            case (int(token),):
                return token
            case _:
                return None


def marker_of(text: str, control_tokens: Mapping[int, str]) -> Marker:
    """The marker that is written as `text`."""
    by_form = {form: token for token, form in control_tokens.items() if form in text}
    forms = "|".join(map(re.escape, sorted(by_form, key=len, reverse=True)))
    pieces = re.split(f"({forms})", text) if forms else [text]
    return Marker(text=text, parts=tuple(by_form.get(piece, piece) for piece in pieces if piece))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A token that stands for no text here: a control token without meaning, or no token at all."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenCharacter:
    """The text before ended inside a character; U+FFFD follows."""


Found: TypeAlias = str | Marker | Stray | BrokenCharacter


class Spelling(Protocol):
    """What tokens stand for."""

    @property
    def control_tokens(self) -> Mapping[int, str]:
        """The tokens that are no text, by id, with their written forms."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes of `token`. Raises IndexError for an id outside the vocabulary."""


class MarkerReader:
    """Token ids in, pieces of text and markers out, in order; no text is lost.

    Rule 1: a marker that is one token is found by its id: the same characters, written as text, are text.
    Rule 2: another marker is found by its characters, over any split into tokens. Text that may be the
            beginning of one is held back. A control token that belongs to such a marker counts as text.
    Rule 3: any other control token is stray.
    """

    def __init__(self, spelling: Spelling, markers: Sequence[Marker]) -> None:
        self._token_bytes = spelling.token_bytes
        self._control_tokens = spelling.control_tokens
        self._by_token = {marker.token: marker for marker in markers if marker.token is not None}
        self._by_text = [marker for marker in markers if marker.token is None]
        self._decoder = Utf8Decoder()
        self._held = ""

    def feed(self, token: int) -> Iterator[Found]:
        """What this token brings; any int is taken."""
        marker = self._by_token.get(token)
        if marker is not None:
            yield from self.flush()
            yield marker
            return
        written = self._control_tokens.get(token)
        if written is None:
            yield from self._feed_text(token)
        elif any(written in marker.text for marker in self._by_text):
            yield from self._finish_character()
            yield from self._split(written)
        else:
            yield Stray(detail=written)

    def flush(self) -> Iterator[Found]:
        """What was held back, where no more can come: at the end, or before something else."""
        yield from self._finish_character()
        yield from self._let_go()

    def _feed_text(self, token: int) -> Iterator[Found]:
        try:
            piece = self._token_bytes(token)
        except IndexError:
            yield Stray(detail=f"token {token}")
            return
        yield from self._split(self._decoder.feed(piece))

    def _finish_character(self) -> Iterator[Found]:
        if rest := self._decoder.finish():
            yield from self._let_go()
            yield BrokenCharacter()
            yield rest

    def _let_go(self) -> Iterator[Found]:
        held, self._held = self._held, ""
        if held:
            yield held

    def _split(self, text: str) -> Iterator[Found]:
        self._held += text
        while (found := self._first_marker()) is not None:
            start, marker = found
            if start:
                yield self._held[:start]
            self._held = self._held[start + len(marker.text) :]
            yield marker
        safe = len(self._held) - self._unfinished()
        ready, self._held = self._held[:safe], self._held[safe:]
        if ready:
            yield ready

    def _first_marker(self) -> tuple[int, Marker] | None:
        places = [(self._held.find(marker.text), marker) for marker in self._by_text]
        return min((place for place in places if place[0] >= 0), key=lambda place: place[0], default=None)

    def _unfinished(self) -> int:
        """How many of the last characters may be the beginning of a marker."""
        return max((_overlap(self._held, marker.text) for marker in self._by_text), default=0)


def _overlap(text: str, marker: str) -> int:
    """The length of the longest end of `text` that `marker` begins with, the whole of it left out."""
    longest = min(len(text), len(marker) - 1)
    return next((length for length in range(longest, 0, -1) if text.endswith(marker[:length])), 0)
