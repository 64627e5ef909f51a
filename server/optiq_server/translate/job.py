"""What any endpoint asks of the model: what is replied to, and how replies are drawn. Values only."""

from dataclasses import dataclass, field

from optiq_harmony.conversation import Conversation
from optiq_harmony.structure import Structure
from optiq_server.engine.types import SamplingParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """How a request spells what may be at fault in a job. The defaults are a chat's.

    `tools` has one entry for each of the structure's tools: the field of its schema or grammar.
    """

    prompt: str = "messages"
    tools: tuple[str, ...] = ()
    response_schema: str = "response_format.json_schema.schema"


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
    """Replies to one conversation."""

    conversation: Conversation
    structure: Structure = field(default_factory=Structure)
    names: FieldNames = field(default_factory=FieldNames)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextJob(Drawing):
    """Continuations of each of `prompts`, which are token ids: no conversation, no protocol."""

    prompts: tuple[tuple[int, ...], ...]
