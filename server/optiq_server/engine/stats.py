"""What the engine tells of itself: figures of one moment, as values.

The worker takes them on its own thread, so that who reads them never touches a backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from optiq_server.engine.types import (
    Ended,
    EngineLimits,
    EngineState,
    GenerationRequest,
    ModelInfo,
    Tokens,
)

_SECONDS_BETWEEN = 0.25
"""Four times a second is as often as a person sees a number change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptProgress:
    """`computed` tokens of a prompt are in caches, of which `cached` were not computed for it."""

    computed: int
    cached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendStats:
    """A backend's figures. `prompts` has one entry for each sequence that it holds.

    `computed_prompt_tokens` counts from the beginning. The cache of beginnings has `cache_entries`. Memory is
    the device's, in bytes: in use, the most that was in use, and freed but kept by the allocator.
    """

    prompts: Mapping[int, PromptProgress] = field(default_factory=dict)
    computed_prompt_tokens: int = 0
    cache_entries: int = 0
    cache_bytes: int = 0
    cache_capacity_bytes: int = 0
    active_memory_bytes: int = 0
    peak_memory_bytes: int = 0
    pooled_memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSequence:
    """One sequence on its way; `queued_at` is a time of the engine's clock."""

    request_id: str
    queued_at: float
    prompt_tokens: int
    computed_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The worker at one moment."""

    waiting: int = 0
    running: tuple[RunningSequence, ...] = ()
    backend: BackendStats = field(default_factory=BackendStats)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """The engine as a whole. `now` is its clock's time, `uptime` the seconds since it was started."""

    state: EngineState
    model: ModelInfo | None
    limits: EngineLimits
    now: float
    uptime: float
    snapshot: Snapshot


class SnapshotPace:
    """When the worker takes a snapshot: whenever who is there has changed, else now and then."""

    def __init__(self) -> None:
        self._taken_at = float("-inf")
        self._who: tuple[tuple[int, ...], int] = ((), 0)

    def is_due(self, now: float, *, running: tuple[int, ...], waiting: int) -> bool:
        who = (running, waiting)
        if who == self._who and (not running or now - self._taken_at < _SECONDS_BETWEEN):
            return False
        self._taken_at, self._who = now, who
        return True


class Observer(Protocol):
    """Is told of every generation, on the event loop, as it happens. It must be quick."""

    def on_queued(self, request: GenerationRequest) -> None:
        """It was taken."""

    def on_tokens(self, tokens: Tokens, *, waited: float, first: bool) -> None:
        """It got tokens, `waited` seconds after the last ones; the `first`, after it was queued."""

    def on_ended(self, ended: Ended) -> None:
        """It has ended."""


class Unobserved:
    """The observer where nobody looks."""

    def on_queued(self, request: GenerationRequest) -> None:
        pass

    def on_tokens(self, tokens: Tokens, *, waited: float, first: bool) -> None:
        pass

    def on_ended(self, ended: Ended) -> None:
        pass
