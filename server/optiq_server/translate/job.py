"""What any endpoint asks of the model: what is replied to, and how replies are drawn. Values only."""

from dataclasses import dataclass, field

from optiq_harmony.conversation import Conversation
from optiq_harmony.structure import Structure
from optiq_server.engine.types import SamplingParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How `samples` replies to one prompt are drawn.

    `max_tokens` None is as many as the context holds. With `top_logprobs` each token of the visible text
    comes with its log-probability and those of so many most likely ones.
    """

    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    max_tokens: int | None = None
    stop_strings: tuple[str, ...] = ()
    samples: int = 1
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Drawing):
    """Replies to one conversation.

    `tool_positions` are the places of the structure's tools among the request's, for errors that name them.
    """

    conversation: Conversation
    structure: Structure = field(default_factory=Structure)
    tool_positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextJob(Drawing):
    """Continuations of each of `prompts`, which are token ids: no conversation, no protocol."""

    prompts: tuple[tuple[int, ...], ...]
