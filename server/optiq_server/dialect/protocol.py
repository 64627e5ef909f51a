"""A dialect: how one family of models is spoken to. Conversation in, token ids out; token ids in, events out.

The protocol belongs to its users, translate and api. A dialect knows no HTTP, and of the engine only what it
asks of a constraint.
"""

from collections.abc import Sequence
from typing import Protocol

from optiq_harmony.anatomy import Place
from optiq_harmony.conversation import Conversation
from optiq_harmony.events import Event
from optiq_harmony.structure import Structure
from optiq_server.engine.constraint import Constraint


class RenderedPrompt(Protocol):
    """Token ids, and the ascending offsets at which a message ends."""

    @property
    def ids(self) -> tuple[int, ...]: ...

    @property
    def boundaries(self) -> tuple[int, ...]: ...


class ReplyParser(Protocol):
    """Reads one reply, token by token. It never raises, whatever the model writes."""

    def feed(self, token: int) -> tuple[Event, ...]:
        """What this token tells; often nothing."""

    def finish(self) -> tuple[Event, ...]:
        """What was held back when the reply ended, and the end of an open message."""


class Dialect(Protocol):
    """What the HTTP side needs of a model family."""

    @property
    def stop_tokens(self) -> frozenset[int]:
        """The ids after which the model has nothing more to say."""

    @property
    def message_ends(self) -> frozenset[int]:
        """The ids after which a message of a reply is whole, stop tokens included."""

    @property
    def control_tokens(self) -> frozenset[int]:
        """The ids that structure a reply and stand for no text."""

    def token_bytes(self, token: int) -> bytes:
        """What `token` stands for; of a control token its written form. Raises LookupError if it is none."""

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The tokens of a text, none of which is a control token. Raises UnrenderableConversation."""

    def encode_written(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which control tokens are written out. Raises UnrenderableConversation.

        For texts that people look into, never for what is sent to the model.
        """

    def places(self, tokens: Sequence[int]) -> Sequence[Place]:
        """What each token of a written conversation belongs to, as far as that can be told."""

    def reply_start(self, tokens: Sequence[int]) -> int:
        """Where in a written conversation the last reply begins, as far as that can be told."""

    def render(self, conversation: Conversation) -> RenderedPrompt:
        """The prompt that the model continues. Raises UnrenderableConversation."""

    def constraint(self, structure: Structure) -> Constraint | None:
        """A constraint for one reply; None where the structure demands nothing.

        It may be called on any thread, and takes milliseconds, or a second for the largest schemas. Raises
        UnsupportedStructure.
        """

    def parser(self, structure: Structure = Structure()) -> ReplyParser:  # noqa: B008  # it is frozen
        """A fresh parser for one reply to a rendered prompt, which does what `structure` demands."""


class UnrenderableConversation(Exception):
    """The conversation cannot become a prompt.

    `field` is a path into the conversation (`messages[2].text`), `reason` one line for who sent it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class UnsupportedStructure(Exception):
    """A schema is invalid, or it or a demand cannot be enforced, or all schemas together are too large.

    `tool` is the index of the tool at fault; where it is None, `in_format` tells whether it is the response
    format. `reason` is one line, with the keyword and its path, for who sent it.
    """

    def __init__(self, reason: str, *, tool: int | None = None, in_format: bool = False) -> None:
        super().__init__(reason, tool, in_format)
        self.reason = reason
        self.tool = tool
        self.in_format = in_format

    def __str__(self) -> str:
        return self.reason
