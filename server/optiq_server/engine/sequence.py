"""A sequence: one request on the worker's side, from admission to its end. Holds numbers only, no arrays."""

from dataclasses import dataclass

from optiq_server.engine.backend import Output
from optiq_server.engine.stats import PromptProgress, RunningSequence
from optiq_server.engine.types import Ended, EndReason, GenerationEvent, GenerationRequest, Tokens


@dataclass(slots=True, kw_only=True)
class Sequence:
    """`queued_at` and `deadline` are times of the engine's monotonic clock in seconds; None is no limit."""

    id: int
    request: GenerationRequest
    queued_at: float = 0.0
    deadline: float | None = None
    completion_tokens: int = 0
    cached_tokens: int = 0

    def is_overdue(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline

    def record(self, output: Output) -> list[GenerationEvent]:
        """Count what a step did for this sequence; return it as events."""
        self.completion_tokens += len(output.tokens)
        self.cached_tokens = max(self.cached_tokens, output.cached_tokens)
        events: list[GenerationEvent] = []
        if output.tokens:
            events.append(Tokens(ids=output.tokens, logprobs=output.logprobs))
        if output.reason is not None:
            events.append(self.ended(output.reason, output.detail))
        return events

    def as_running(self, progress: PromptProgress | None) -> RunningSequence:
        """It in a snapshot. Nothing is known of its `progress` before the backend has it."""
        prompt_tokens = len(self.request.prompt)
        computed = progress.computed if progress else 0
        return RunningSequence(
            request_id=self.request.request_id,
            queued_at=self.queued_at,
            prompt_tokens=prompt_tokens,
            # The last token of a prompt is fed with the first step of its reply.
            computed_tokens=prompt_tokens if self.completion_tokens else computed,
            cached_tokens=progress.cached if progress else 0,
            completion_tokens=self.completion_tokens,
        )

    def ended(self, reason: EndReason, detail: str = "") -> Ended:
        return Ended(
            reason=reason,
            prompt_tokens=len(self.request.prompt),
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            detail=detail,
        )
