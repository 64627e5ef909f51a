"""What was said to the model and what it said, for the log. Made only where the user asked for it."""

import logging
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)


class Transcript:
    """One prompt and the reply to it, control tokens in their written form."""

    def __init__(self, token_bytes: Callable[[int], bytes], prompt: Sequence[int]) -> None:
        self._token_bytes = token_bytes
        self._reply: list[int] = []
        logger.info("prompt: %s", self._text(prompt))

    def hear(self, tokens: Sequence[int]) -> None:
        self._reply += tokens

    def close(self) -> None:
        """The reply is over, whatever ended it."""
        logger.info("reply: %s", self._text(self._reply))

    def _text(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self._token_bytes, tokens)).decode(errors="replace")
