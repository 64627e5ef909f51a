"""What any endpoint asks of the model: one conversation, and how replies to it are drawn. Values only."""

from dataclasses import dataclass, field

from optiq_harmony.conversation import Conversation
from optiq_harmony.structure import Structure
from optiq_server.engine.types import SamplingParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`samples` replies to one conversation.

    `max_tokens` None is as many as the context holds. With `top_logprobs` each token of the visible text
    comes with its log-probability and those of so many most likely ones. `tool_positions` are the places of
    the structure's tools among the request's, for errors that name them.
    """

    conversation: Conversation
    structure: Structure = field(default_factory=Structure)
    tool_positions: tuple[int, ...] = ()
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    max_tokens: int | None = None
    stop_strings: tuple[str, ...] = ()
    samples: int = 1
    top_logprobs: int | None = None
