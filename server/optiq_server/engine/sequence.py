"""A sequence: one request on the worker's side, from admission to its end. Holds numbers only, no arrays."""

from dataclasses import dataclass

from optiq_server.engine.backend import Output
from optiq_server.engine.types import Ended, EndReason, GenerationEvent, GenerationRequest, Tokens


@dataclass(slots=True, kw_only=True)
class Sequence:
    """`deadline` is a time of the engine's monotonic clock in seconds, None without a time limit."""

    id: int
    request: GenerationRequest
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

    def ended(self, reason: EndReason, detail: str = "") -> Ended:
        return Ended(
            reason=reason,
            prompt_tokens=len(self.request.prompt),
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            detail=detail,
        )
