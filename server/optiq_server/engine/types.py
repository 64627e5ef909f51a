"""What crosses the border between the event loop and the engine: token ids, numbers and reasons.

The engine knows no text, no harmony and no HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from optiq_server.engine.constraint import Constraint
from optiq_server.engine.kv_budget import KvBudget


def _require(holds: bool, name: str, value: object, legal: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}; it must be {legal}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """How a token is drawn from the logits. The defaults are the model's own distribution.

    `temperature` 0 is greedy. `top_k` and `seed` are None where not given; `min_p` 0 and `top_p` 1 keep all
    tokens. `logit_bias` is added to the logits of its token ids. `presence_penalty` is taken from the logit
    of each token that the reply has already, `frequency_penalty` once for each time that it has it;
    `repetition_penalty` divides the positive and multiplies the negative logits of tokens that the prompt or
    the reply has (Keskar et al., 2019, section 4.1).
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int | None = None
    min_p: float = 0.0
    seed: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        _require(self.temperature >= 0.0, "temperature", self.temperature, "at least 0")
        _require(0.0 < self.top_p <= 1.0, "top_p", self.top_p, "above 0 and at most 1")
        _require(self.top_k is None or self.top_k >= 1, "top_k", self.top_k, "at least 1, or None")
        _require(0.0 <= self.min_p <= 1.0, "min_p", self.min_p, "between 0 and 1")
        _require(self.repetition_penalty > 0.0, "repetition_penalty", self.repetition_penalty, "above 0")

    @property
    def alters_logits(self) -> bool:
        """Whether tokens are drawn from other logits than the model's own."""
        return bool(self.logit_bias) or self.penalizes

    @property
    def penalizes(self) -> bool:
        """Whether what was said before counts against a token."""
        return (self.presence_penalty, self.frequency_penalty, self.repetition_penalty) != (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One prompt to continue.

    `boundaries` are offsets into `prompt` where a message ends, ascending: places worth a cache checkpoint.
    `max_tokens` None means as many as the context holds. `time_limit` is in seconds from submission.
    `message_ends` are tokens after which a message of the reply is whole, and worth a checkpoint too.
    `constraint` stands at the beginning of the reply, and is this generation's alone. `unpenalized` are
    tokens that the penalties pass over. With `top_logprobs`, each token comes with its log-probability and
    those of so many most likely ones.
    """

    request_id: str
    prompt: tuple[int, ...]
    stop_tokens: frozenset[int]
    boundaries: tuple[int, ...] = ()
    message_ends: frozenset[int] = frozenset()
    max_tokens: int | None = None
    sampling: SamplingParameters = SamplingParameters()
    time_limit: float | None = None
    constraint: Constraint | None = None
    unpenalized: frozenset[int] = frozenset()
    top_logprobs: int | None = None

    def __post_init__(self) -> None:
        _require(len(self.prompt) > 0, "prompt", self.prompt, "at least one token")
        _require(self.max_tokens is None or self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        _require(self.time_limit is None or self.time_limit > 0, "time_limit", self.time_limit, "above 0")
        _require((self.top_logprobs or 0) >= 0, "top_logprobs", self.top_logprobs, "at least 0, or None")


class EndReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    """A stop token was sampled; it is the last of the generation's tokens."""
    LENGTH = "length"
    """`max_tokens`, or the context, was used up."""
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    """`time_limit` ran out."""
    FAULT = "fault"
    """The engine failed at this request; `detail` is for the log."""
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprobs:
    """How likely the model found `token`, and what it found most likely, best first.

    Natural logarithms of the model's own distribution, before any bias, penalty, temperature or filter.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """New token ids of a generation, in order. `logprobs` has one entry for each where they are wanted."""

    ids: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The one terminal event of every generation. `cached_tokens` of the prompt were not computed again."""

    reason: EndReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    detail: str = ""


GenerationEvent: TypeAlias = Tokens | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What the loaded checkpoint is. `context_length` counts prompt and completion tokens together.

    It is what the model was made for, or less where this machine's memory holds less: then `is_cut` is true.
    `kv_budget` bounds what runs at the same time, None where nothing is known of memory.
    """

    architecture: str
    context_length: int
    vocabulary_size: int
    weight_bytes: int
    is_cut: bool = False
    kv_budget: KvBudget | None = None
    # Longer than nearly all replies, and 200 MB of the 20b's keys and values.
    reply_step: int = 8192

    def reserved_tokens(self, request: GenerationRequest, completion_tokens: int = 0) -> int:
        """How many tokens memory is kept for, prompt included, once the reply has `completion_tokens`.

        A reply with a limit has all of it kept from the start. One without would take the whole context, and
        hardly ever use it: it gets `reply_step` tokens at a time.
        """
        limit = request.max_tokens
        if limit is None:
            limit = (completion_tokens // self.reply_step + 1) * self.reply_step
        return min(self.context_length, len(request.prompt) + limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """How much the engine takes on: `max_running` sequences share a step, `max_waiting` queue behind them.

    `cache_bytes` of keys and values are kept of prompts that are over; None is a quarter of what the device
    has left beside the weights. With `cache_dir` they outlive the process.

    Memory bounds what runs as well (see ModelInfo.kv_budget); 32 rows are what a step still computes for
    little more than it takes to read the weights. 256 waiting are a burst of clients, not a backlog: at 10 s
    a reply the last one waits under three minutes.
    """

    max_running: int = 32
    max_waiting: int = 256
    cache_bytes: int | None = None
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        _require(self.max_running >= 1, "max_running", self.max_running, "at least 1")
        _require(self.max_waiting >= 0, "max_waiting", self.max_waiting, "at least 0")
        _require((self.cache_bytes or 0) >= 0, "cache_bytes", self.cache_bytes, "at least 0, or None")


class EngineState(StrEnum):
    """Where the engine is in its life."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    """What runs is finished, and nothing more is taken."""
    FAILED = "failed"
    STOPPED = "stopped"
