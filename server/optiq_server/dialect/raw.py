"""Reads a reply as plain text, whatever protocol the model was trained for. Knows no messages.

Rule 1: control tokens, and ids that stand for nothing, are left out; they never show as text.
Rule 2: characters may span tokens; what is no UTF-8 becomes U+FFFD.
"""

from collections.abc import Callable

from optiq_harmony.events import Event, MessageEnd, TextDelta
from optiq_harmony.utf8 import Utf8Decoder


class RawParser:
    """A reply is one message of text, which is whole when the reply ends."""

    def __init__(self, *, token_bytes: Callable[[int], bytes], control_tokens: frozenset[int]) -> None:
        self._token_bytes = token_bytes
        self._control_tokens = control_tokens
        self._decoder = Utf8Decoder()

    def feed(self, token: int) -> tuple[Event, ...]:
        if token in self._control_tokens:
            return ()
        try:
            text = self._decoder.feed(self._token_bytes(token))
        except LookupError:
            return ()
        return (TextDelta(text=text),)

    def finish(self) -> tuple[Event, ...]:
        return (TextDelta(text=self._decoder.finish()), MessageEnd(complete=True))
