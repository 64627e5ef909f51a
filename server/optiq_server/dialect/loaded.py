"""The dialect of a model that is still being loaded: which one it is, the checkpoint's folder tells.

It knows nothing of dialects but their protocol.
"""

from collections.abc import Sequence
from concurrent.futures import Future

from optiq_harmony.anatomy import Place
from optiq_harmony.conversation import Conversation
from optiq_harmony.structure import Structure
from optiq_server.dialect.protocol import Dialect, RenderedPrompt, ReplyParser
from optiq_server.engine.constraint import Constraint


class LoadedDialect:
    """Speaks as the dialect that `chosen` brings.

    That has happened once the engine is READY; before, nothing here may be called.
    """

    def __init__(self, chosen: Future[Dialect]) -> None:
        self._chosen = chosen

    @property
    def stop_tokens(self) -> frozenset[int]:
        return self._dialect.stop_tokens

    @property
    def message_ends(self) -> frozenset[int]:
        return self._dialect.message_ends

    @property
    def control_tokens(self) -> frozenset[int]:
        return self._dialect.control_tokens

    def token_bytes(self, token: int) -> bytes:
        return self._dialect.token_bytes(token)

    def encode_text(self, text: str) -> tuple[int, ...]:
        return self._dialect.encode_text(text)

    def encode_written(self, text: str) -> tuple[int, ...]:
        return self._dialect.encode_written(text)

    def places(self, tokens: Sequence[int]) -> Sequence[Place]:
        return self._dialect.places(tokens)

    def reply_start(self, tokens: Sequence[int]) -> int:
        return self._dialect.reply_start(tokens)

    def render(self, conversation: Conversation) -> RenderedPrompt:
        return self._dialect.render(conversation)

    def constraint(self, structure: Structure) -> Constraint | None:
        return self._dialect.constraint(structure)

    def parser(self, structure: Structure = Structure()) -> ReplyParser:  # noqa: B008  # it is frozen
        return self._dialect.parser(structure)

    @property
    def _dialect(self) -> Dialect:
        return self._chosen.result(timeout=0)
