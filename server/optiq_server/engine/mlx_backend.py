"""The backend that computes: prompts in bounded chunks, one batch that decodes, and a cache of beginnings.

A sequence's prompt is computed by itself or with others that end in the same step; then it joins the batch.
Models and caches are mlx-lm's. It knows no time limits and no event loop.
"""

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import mlx.core as mx

from optiq_server.engine.adjustment import Adjustment
from optiq_server.engine.backend import Output
from optiq_server.engine.decoding import DecodingBatch, Fed, Row
from optiq_server.engine.disk_tier import DiskTier
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.masking import ConstrainedRow
from optiq_server.engine.memory import default_cache_bytes, unwire_memory, wire_memory
from optiq_server.engine.prefix_cache import PrefixCache
from optiq_server.engine.prefix_tree import Node
from optiq_server.engine.prompt_lane import PromptLane
from optiq_server.engine.prompts import Prompt
from optiq_server.engine.sampling import RowSampling
from optiq_server.engine.stats import BackendStats, PromptProgress
from optiq_server.engine.types import EndReason, EngineLimits, GenerationRequest, ModelInfo

_STEPS_BETWEEN_CLEANINGS = 512
"""Decoding leaves buffers of many sizes behind, of which MLX keeps what it is not told to free."""


@dataclass(eq=False, slots=True, kw_only=True)
class _Sequence:
    """A prompt on its way, then a row of the batch, whose reply has `completed` of at most `budget` tokens.

    `node` is the deepest beginning of what the row holds that was stored.
    """

    prompt: Prompt
    row: Row
    budget: int
    node: Node
    completed: int = 0


class MlxBackend:
    """Serves one loaded model. Made, used and closed on one thread: MLX's streams are the thread's own."""

    def __init__(
        self, loaded: LoadedModel, limits: EngineLimits, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._loaded: LoadedModel | None = loaded
        self._info = loaded.info
        self._clock = clock
        capacity = limits.cache_bytes
        if capacity is None:
            capacity = default_cache_bytes(loaded.info.weight_bytes)
        self._cache_bytes = capacity
        disk = None
        if limits.cache_dir is not None:
            disk = DiskTier(limits.cache_dir, fingerprint=loaded.fingerprint, capacity=capacity)
        self._prefixes = PrefixCache(capacity=capacity, disk=disk)
        self._sequences: dict[int, _Sequence] = {}
        self._lane = PromptLane(loaded.model, self._prefixes, clock)
        self._batch = DecodingBatch(loaded.model)
        self._steps = 0
        self._wired_before = wire_memory()

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def prefixes(self) -> PrefixCache:
        """The cache of beginnings; for figures and tests."""
        return self._prefixes

    @property
    def computed_prompt_tokens(self) -> int:
        """How many tokens of prompts were computed, restored ones not counted."""
        return self._lane.computed_tokens

    def insert(self, sequence_id: int, request: GenerationRequest) -> None:
        room = self._info.context_length - len(request.prompt)
        budget = room if request.max_tokens is None else min(room, request.max_tokens)
        row = self._row(sequence_id, request)
        prompt = self._lane.add(sequence_id, request)
        self._sequences[sequence_id] = _Sequence(prompt=prompt, row=row, budget=budget, node=prompt.node)
        self._share_memory()

    def remove(self, sequence_ids: Collection[int]) -> None:
        self._forget(sequence_ids)

    def step(self) -> list[Output]:
        outputs = self._decode() if len(self._batch) else []
        self._prefill()
        self._steps += 1
        if self._steps % _STEPS_BETWEEN_CLEANINGS == 0:
            mx.clear_cache()
        return outputs

    def reset(self) -> None:
        if self._loaded is None:
            raise RuntimeError("the backend is closed")
        self._sequences.clear()
        # What a failed step has left in the caches is not known, and memory may be what it failed for.
        self._prefixes.clear()
        self._lane = PromptLane(self._loaded.model, self._prefixes, self._clock)
        self._batch = DecodingBatch(self._loaded.model)
        mx.clear_cache()

    def stats(self) -> BackendStats:
        prompts = {
            sequence_id: PromptProgress(computed=each.prompt.computed, cached=each.prompt.cached)
            for sequence_id, each in self._sequences.items()
        }
        return BackendStats(
            prompts=prompts,
            computed_prompt_tokens=self._lane.computed_tokens,
            cache_entries=len(self._prefixes),
            cache_bytes=self._prefixes.nbytes,
            cache_capacity_bytes=self._prefixes.capacity,
            active_memory_bytes=mx.get_active_memory(),
            peak_memory_bytes=mx.get_peak_memory(),
            pooled_memory_bytes=mx.get_cache_memory(),
        )

    def close(self) -> None:
        self._sequences.clear()
        self._prefixes.save()
        self._prefixes.clear()
        # These refer to the model; all must go for the weights to be freed.
        del self._batch, self._lane
        self._loaded = None
        unwire_memory(self._wired_before)
        mx.clear_cache()

    def _row(self, sequence_id: int, request: GenerationRequest) -> Row:
        parameters = request.sampling
        seed = secrets.randbits(64) if parameters.seed is None else parameters.seed
        constraint = request.constraint
        wants_logprobs = request.top_logprobs is not None
        vocabulary_size = self._info.vocabulary_size
        return Row(
            sequence_id=sequence_id,
            sampling=RowSampling(parameters, seed),
            prompt_tokens=len(request.prompt),
            held=list(request.prompt[:-1]),
            constrained=None if constraint is None else ConstrainedRow(constraint, forces=not wants_logprobs),
            adjustment=Adjustment(request, vocabulary_size=vocabulary_size)
            if parameters.alters_logits
            else None,
            top_logprobs=None if request.top_logprobs is None else min(request.top_logprobs, vocabulary_size),
        )

    def _decode(self) -> list[Output]:
        fed = self._batch.step()
        outputs = [self._output(each) for each in fed]
        self._keep(fed)
        self._forget([each.sequence_id for each in outputs if each.reason is not None])
        return [each for each in outputs if each.tokens or each.reason is not None]

    def _output(self, fed: Fed) -> Output:
        """What is told of a row's tokens, up to the one that ends its reply."""
        sequence = self._sequences[fed.row.sequence_id]
        stop_tokens = sequence.prompt.request.stop_tokens
        left = sequence.budget - sequence.completed
        tokens = fed.tokens[:left]
        stop = next((place for place, token in enumerate(tokens) if token in stop_tokens), None)
        reason = None
        if stop is not None:
            tokens, reason = tokens[: stop + 1], EndReason.STOP
        elif len(tokens) == left:
            reason = EndReason.LENGTH
        steps = sequence.completed // self._info.reply_step
        sequence.completed += len(tokens)
        if reason is None and sequence.completed // self._info.reply_step > steps and not self._grow():
            reason = EndReason.LENGTH
        failure = None if fed.row.constrained is None else fed.row.constrained.failure
        if failure is not None and reason is None:
            return Output(sequence_id=fed.row.sequence_id, reason=EndReason.FAULT, detail=failure)
        return Output(
            sequence_id=fed.row.sequence_id,
            tokens=tokens,
            logprobs=fed.logprobs,
            reason=reason,
            cached_tokens=sequence.prompt.cached,
        )

    def _grow(self) -> bool:
        """Keep memory for the next step of a reply without a limit; False where there is none."""
        budget = self._info.kv_budget
        running = self._reserved()
        if budget is not None and len(running) > 1 and not budget.fits(running):
            return False
        self._share_memory()
        return True

    def _reserved(self) -> list[int]:
        """For each sequence the tokens that memory is kept for."""
        return [
            self._info.reserved_tokens(each.prompt.request, each.completed)
            for each in self._sequences.values()
        ]

    def _keep(self, fed: Sequence[Fed]) -> None:
        """Store the rows that have just come to the end of a message of their own."""
        for each in fed:
            sequence = self._sequences[each.row.sequence_id]
            ends = sequence.prompt.request.message_ends
            if each.tokens and each.tokens[-1] in ends:
                held = each.row.held
                index = self._batch.index(each.row)
                sequence.node = self._prefixes.store(
                    sequence.node, self._batch.caches, index, held, len(held)
                )

    def _prefill(self) -> None:
        for ready in self._lane.step(others_decode=len(self._batch) > 0):
            rows = [self._sequences[prompt.sequence_id].row for prompt in ready.prompts]
            for prompt in ready.prompts:
                self._sequences[prompt.sequence_id].node = prompt.node
            last_tokens = [prompt.request.prompt[-1] for prompt in ready.prompts]
            self._batch.join(rows, ready.caches, last_tokens)

    def _forget(self, sequence_ids: Collection[int]) -> None:
        if not sequence_ids:
            return
        gone = [self._sequences.pop(sequence_id) for sequence_id in sequence_ids]
        self._batch.remove([sequence.row for sequence in gone])
        for sequence in gone:
            self._lane.remove(sequence.prompt)
        self._share_memory()

    def _share_memory(self) -> None:
        """What the running sequences may come to hold is taken from what is kept of the past."""
        budget = self._info.kv_budget
        if budget is None:
            return
        left = budget.total - budget.committed(self._reserved())
        self._prefixes.resize(max(0, min(self._cache_bytes, left)))
