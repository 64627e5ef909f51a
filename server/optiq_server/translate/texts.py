"""Texts and token ids that a client names itself, outside any conversation. Pure.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Iterable, Sequence

from optiq_harmony.utf8 import Utf8Decoder
from optiq_server.dialect.protocol import Dialect, UnrenderableConversation
from optiq_server.errors import InvalidRequest


class Texts:
    """How `dialect` writes them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def tokens_of(self, text: str, *, field: str) -> tuple[int, ...]:
        """The tokens of a text; what looks like a control token in it is text as well."""
        try:
            return self._dialect.encode_text(text)
        except UnrenderableConversation as error:
            raise InvalidRequest(f"'{field}': {error.reason}", param=field, code="invalid_value") from error

    def known(self, ids: Sequence[int], *, field: str) -> tuple[int, ...]:
        """`ids`, each of which is a token of the vocabulary."""
        for index, token in enumerate(ids):
            try:
                self._dialect.token_bytes(token)
            except LookupError as error:
                raise InvalidRequest(
                    f"'{field}[{index}]' is {token}: this model has no token with this id",
                    param=f"{field}[{index}]",
                    code="invalid_value",
                ) from error
        return tuple(ids)

    def spoken(self, ids: Iterable[int]) -> str:
        """What the ids say: control tokens are left out."""
        return self._decoded(token for token in ids if token not in self._dialect.control_tokens)

    def written(self, ids: Iterable[int]) -> str:
        """What the ids are, control tokens in their written form."""
        return self._decoded(ids)

    def _decoded(self, ids: Iterable[int]) -> str:
        decoder = Utf8Decoder()
        text = [decoder.feed(self._dialect.token_bytes(token)) for token in ids]
        return "".join(text) + decoder.finish()
