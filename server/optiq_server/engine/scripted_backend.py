"""A backend that plays given token ids, so that protocol, clients and faults are tested without a model.

It keeps the rules of a real one: prompts take steps, sequences advance together, stop tokens and
`max_tokens` end them, and a scripted token that the request's constraint forbids is that
sequence's fault. It computes nothing and knows nothing of MLX.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from optiq_server.engine.backend import Output
from optiq_server.engine.errors import ConstraintFailed
from optiq_server.engine.stats import BackendStats, PromptProgress
from optiq_server.engine.types import EndReason, GenerationRequest, ModelInfo


class FaultStage(StrEnum):
    """Where a script goes wrong."""

    INSERT = "insert"
    """The backend refuses the request."""
    SEQUENCE = "sequence"
    """This sequence alone fails in a step."""
    STEP = "step"
    """The step of the whole batch raises."""


class ScriptedFault(Exception):
    """Raised where a script says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The reply to one prompt.

    `tokens` may be endless. If they run out before a stop token the sequence ends with LENGTH, as at the
    end of the context. The prompt takes `prefill_steps` steps. `fault` strikes after `fault_after` tokens
    (INSERT: at once).
    """

    tokens: Iterable[int]
    prefill_steps: int = 1
    tokens_per_step: int = 1
    fault: FaultStage | None = None
    fault_after: int = 0


class _Play:
    """One sequence being played."""

    def __init__(self, request: GenerationRequest, script: Script, budget: int) -> None:
        self.script = script
        self.played = 0
        self._prompt_tokens = len(request.prompt)
        self._stop_tokens = request.stop_tokens
        self._constraint = request.constraint
        self._budget = budget
        self._prefill_left = script.prefill_steps
        self._tokens: Iterator[int] = iter(script.tokens)

    @property
    def is_struck(self) -> bool:
        return self.script.fault is not None and self.played >= self.script.fault_after

    @property
    def progress(self) -> PromptProgress:
        """In even parts, one a step."""
        steps = self.script.prefill_steps
        done = steps - self._prefill_left
        return PromptProgress(computed=self._prompt_tokens * done // max(1, steps), cached=0)

    def advance(self) -> tuple[tuple[int, ...], EndReason | None]:
        """The next tokens, and how the reply ended. Raises ConstraintFailed."""
        if self._prefill_left > 0:
            self._prefill_left -= 1
            return (), None
        ids: list[int] = []
        for token in islice(self._tokens, self.script.tokens_per_step):
            if self._constraint is not None:
                self._constraint.accept(token)
            ids.append(token)
            self.played += 1
            if token in self._stop_tokens:
                return tuple(ids), EndReason.STOP
            if self.played >= self._budget:
                return tuple(ids), EndReason.LENGTH
        return tuple(ids), None if ids else EndReason.LENGTH


class ScriptedBackend:
    """Plays `reply(request)` for each request; a plain iterable of token ids is a Script with the defaults.

    `pace` is called at the start of each step, on the worker's thread: a test that holds steps back blocks
    in it.
    """

    def __init__(
        self,
        reply: Callable[[GenerationRequest], Script | Iterable[int]],
        *,
        info: ModelInfo,
        pace: Callable[[], object] = lambda: None,
    ) -> None:
        self._reply = reply
        self._info = info
        self._pace = pace
        self._plays: dict[int, _Play] = {}
        self._is_closed = False

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def inserted(self) -> tuple[int, ...]:
        """The sequences that it holds now."""
        return tuple(self._plays)

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def insert(self, sequence_id: int, request: GenerationRequest) -> None:
        reply = self._reply(request)
        script = reply if isinstance(reply, Script) else Script(tokens=reply)
        if script.fault is FaultStage.INSERT:
            raise ScriptedFault("the script refuses this request")
        room = self._info.context_length - len(request.prompt)
        budget = room if request.max_tokens is None else min(room, request.max_tokens)
        self._plays[sequence_id] = _Play(request, script, budget)

    def remove(self, sequence_ids: Collection[int]) -> None:
        for sequence_id in sequence_ids:
            del self._plays[sequence_id]

    def step(self) -> list[Output]:
        self._pace()
        if any(play.is_struck and play.script.fault is FaultStage.STEP for play in self._plays.values()):
            raise ScriptedFault("the script fails this step")
        outputs = [self._advance(sequence_id, play) for sequence_id, play in self._plays.items()]
        for output in outputs:
            if output.reason is not None:
                del self._plays[output.sequence_id]
        return outputs

    def _advance(self, sequence_id: int, play: _Play) -> Output:
        if play.is_struck:
            return Output(
                sequence_id=sequence_id, reason=EndReason.FAULT, detail="the script fails this sequence"
            )
        try:
            tokens, reason = play.advance()
        except ConstraintFailed as error:
            return Output(sequence_id=sequence_id, reason=EndReason.FAULT, detail=str(error))
        return Output(sequence_id=sequence_id, tokens=tokens, reason=reason)

    def stats(self) -> BackendStats:
        return BackendStats(prompts={each: play.progress for each, play in self._plays.items()})

    def reset(self) -> None:
        self._plays.clear()

    def close(self) -> None:
        self._plays.clear()
        self._is_closed = True
