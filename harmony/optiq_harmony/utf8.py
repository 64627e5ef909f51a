"""Text out of the bytes of tokens, which may end inside a character. Knows no tokens and no messages."""

from codecs import utf_8_decode


class Utf8Decoder:
    """Decodes piece by piece to what the whole would give at once, with U+FFFD for what is no UTF-8.

    It calls the decoder that codecs' incremental one is made of: half the time, at once for each token.
    """

    def __init__(self) -> None:
        self._unfinished = b""

    def feed(self, piece: bytes) -> str:
        """The characters that `piece` completes; the beginning of an unfinished one is held back."""
        pending = self._unfinished + piece
        text, decoded = utf_8_decode(pending, "replace", False)
        self._unfinished = pending[decoded:]
        return text

    def finish(self) -> str:
        """U+FFFD where a character was left unfinished, else nothing. The decoder is new again."""
        text = self._unfinished.decode(errors="replace")
        self._unfinished = b""
        return text
