"""What the parser reports while a model writes harmony: the vocabulary between protocol and API.

A reply is a sequence of these events. Text arrives in pieces, in order, and never carries control tokens.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class FaultKind(StrEnum):
    """How a reply departed from well-formed harmony; its text was kept by rule."""

    HEADER = "header"
    """A message header that harmony's grammar does not admit."""
    CHANNEL = "channel"
    """A channel that is missing, or none of analysis, commentary and final."""
    ROLE = "role"
    """A role other than assistant."""
    RECIPIENT = "recipient"
    """A recipient that names no function, or names it twice."""
    CALL = "call"
    """A call whose text cannot be read. Harmony has none: a header names the function."""
    STRAY_TOKEN = "stray_token"
    """A control token, or text, where harmony allows none."""
    TRUNCATED = "truncated"
    """The reply ended inside a header, a message or a character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """A piece of the analysis channel."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of what the user sees: the final channel, or a commentary preamble."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStart:
    """The model calls function `name`; `index` counts the reply's calls from 0."""

    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of call `index`'s arguments, as the model wrote them."""

    index: int
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEnd:
    """The message that the last deltas belonged to is whole (`complete`), or the reply ended inside it."""

    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A departure from well-formed harmony. Nothing is lost by it; it is for logs and metrics."""

    kind: FaultKind
    detail: str


class StopReason(StrEnum):
    """Which token ended the reply."""

    RETURN = "return"
    CALL = "call"
    END_OF_TEXT = "end_of_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The model ended its reply by itself. A reply that was cut has no such event."""

    reason: StopReason


Event: TypeAlias = ReasoningDelta | TextDelta | ToolCallStart | ToolCallDelta | MessageEnd | Fault | Stop
