"""The backend that computes: mlx-lm's continuous batching, with our sampling in its step.

Written for mlx-lm 0.32: `BatchGenerator` moves sequences from its queue to a batch of prompts and on to the
batch that decodes, and keeps per-sequence lists (uids, samplers, tokens) in step with the rows of its
caches. Only the step that turns logits into tokens is replaced, by subclassing. It knows no time limits and
no event loop.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module
from mlx_lm.generate import BatchGenerator, GenerationBatch, PromptProcessingBatch, StopSequences
from numpy.typing import NDArray

from optiq_server.engine.backend import Output
from optiq_server.engine.loader import LoadedModel
from optiq_server.engine.masking import ConstrainedRow, masked
from optiq_server.engine.sampling import BatchSampling, RowSampling, draw
from optiq_server.engine.types import EndReason, EngineLimits, GenerationRequest, ModelInfo

_PREFILL_CHUNK = 512
"""Prompt tokens of one sequence in one step.

Cancels, and the replies under way, wait for a step: half a second where the 20b is prefilled at 1,000
tokens/s. Larger chunks gain little: 512 tokens give each of 32 experts 64 rows.
"""

_PREFILL_SEQUENCES = 4
"""Prompts that share a step. They are padded to the longest chunk, and the step's bound is the product."""

_END_REASONS = {None: None, "stop": EndReason.STOP, "length": EndReason.LENGTH}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One sequence's sampling, as it travels beside its cache in mlx-lm's lists of samplers."""

    sampling: RowSampling
    prompt_tokens: int
    constrained: ConstrainedRow | None = None


class _DecodingBatch(GenerationBatch):
    """mlx-lm's decoding batch, whose `samplers` are `_Row`s.

    As in mlx-lm the next step is started before this one's tokens are read, so that the device is never idle.
    A constrained row's mask depends on its last token: with such a row, the tokens are read and the masks
    computed while the device works at the logits, and only the draw waits for them.
    Unlike it, the whole vocabulary's log-probabilities are neither computed nor kept: nothing reads them.
    """

    _batch_sampling: tuple[tuple[int, ...], BatchSampling] | None = None

    def _step(self) -> tuple[list[int], list[Any]]:
        rows = cast("list[_Row]", self.samplers)
        inputs = self._next_tokens
        logits = self.model(inputs[:, None], cache=self.prompt_cache)[:, -1, :]
        # The cache holds `tokens`; `inputs` join them in this step, and the token drawn now follows those.
        drawn = [len(held) + 1 - row.prompt_tokens for held, row in zip(self.tokens, rows, strict=True)]
        if any(row.constrained is not None for row in rows):
            mx.async_eval(logits)
            logits = masked(logits, _masks(rows, cast("list[int]", inputs.tolist()), drawn))
        self._next_tokens = draw(logits, self._sampling(rows, logits.shape[-1]), drawn)
        self._next_logprobs = [None] * len(rows)
        mx.async_eval(self._next_tokens)

        ids = cast("list[int]", inputs.tolist())
        for held, token in zip(self.tokens, ids, strict=True):
            held.append(token)
        return ids, self._next_logprobs

    def _sampling(self, rows: list[_Row], vocabulary_size: int) -> BatchSampling:
        """The rows' parameters as arrays, built anew only when the rows have changed."""
        uids = tuple(self.uids)
        if self._batch_sampling is None or self._batch_sampling[0] != uids:
            batch = BatchSampling([row.sampling for row in rows], vocabulary_size=vocabulary_size)
            self._batch_sampling = (uids, batch)
        return self._batch_sampling[1]


def _masks(rows: list[_Row], inputs: list[int], drawn: list[int]) -> list[NDArray[np.uint32] | None]:
    """Each row's mask for its next token, after `inputs`, the last of what it has `drawn`."""
    masks: list[NDArray[np.uint32] | None] = []
    for row, token, count in zip(rows, inputs, drawn, strict=True):
        # Before the first draw the input is the prompt's last token, which is not the reply's.
        last = token if count else None
        masks.append(None if row.constrained is None else row.constrained.advance(last))
    return masks


class _PromptBatch(PromptProcessingBatch):
    """mlx-lm's prompt batch, which moves on to our decoding batch."""

    def generate(self, tokens: list[list[int]]) -> _DecodingBatch:
        """Compute what is left of the prompts but their last tokens, and start decoding from these."""
        if any(len(rest) > 1 for rest in tokens):
            self.prompt([rest[:-1] for rest in tokens])
        return _DecodingBatch(
            self.model,
            self.uids,
            mx.array([rest[-1] for rest in tokens]),
            self.prompt_cache,
            self.tokens,
            self.samplers,
            self.fallback_sampler,
            self.logits_processors,
            self.stop_sequences,
            self.max_tokens,
        )


class _Generator(BatchGenerator):
    """mlx-lm's generator over our two batches."""

    def __init__(self, model: Module, *, max_running: int) -> None:
        super().__init__(
            model,
            completion_batch_size=max_running,
            prefill_batch_size=min(_PREFILL_SEQUENCES, max_running),
            prefill_step_size=_PREFILL_CHUNK,
        )
        self._prompt_batch = _PromptBatch.empty(model, self.sampler, prefill_step_size=_PREFILL_CHUNK)
        self._generation_batch = _DecodingBatch.empty(model, self.sampler)


class MlxBackend:
    """Serves one loaded model. Made, used and closed on one thread: MLX's streams are the thread's own."""

    def __init__(self, loaded: LoadedModel, limits: EngineLimits) -> None:
        self._loaded: LoadedModel | None = loaded
        self._info = loaded.info
        self._limits = limits
        self._sequence_ids: dict[int, int] = {}
        self._uids: dict[int, int] = {}
        self._constrained: dict[int, ConstrainedRow] = {}
        self._stops: dict[frozenset[int], StopSequences] = {}
        self._generator: BatchGenerator = _Generator(loaded.model, max_running=limits.max_running)

    @property
    def info(self) -> ModelInfo:
        return self._info

    def insert(self, sequence_id: int, request: GenerationRequest) -> None:
        parameters = request.sampling
        seed = secrets.randbits(64) if parameters.seed is None else parameters.seed
        constrained = None if request.constraint is None else ConstrainedRow(request.constraint)
        row = _Row(
            sampling=RowSampling(parameters, seed),
            prompt_tokens=len(request.prompt),
            constrained=constrained,
        )
        room = self._info.context_length - len(request.prompt)
        budget = room if request.max_tokens is None else min(room, request.max_tokens)
        [uid] = self._generator.insert(
            [list(request.prompt)],
            max_tokens=[budget],
            samplers=[cast("Any", row)],
            stop_sequences=[self._stop_sequences(request.stop_tokens)],
        )
        self._sequence_ids[uid] = sequence_id
        self._uids[sequence_id] = uid
        if constrained is not None:
            self._constrained[uid] = constrained

    def remove(self, sequence_ids: Collection[int]) -> None:
        uids = [self._forget(sequence_id) for sequence_id in sequence_ids]
        self._generator.remove(uids)

    def step(self) -> list[Output]:
        _, responses = self._generator.next()
        outputs = {
            response.uid: Output(
                sequence_id=self._sequence_ids[response.uid],
                tokens=(response.token,),
                reason=_END_REASONS[response.finish_reason],
            )
            for response in responses
        }
        for uid, failure in self._failures():
            # A reply that has ended meanwhile needs its constraint no more.
            if uid not in outputs or outputs[uid].reason is None:
                self._generator.remove([uid])
                outputs[uid] = Output(
                    sequence_id=self._sequence_ids[uid], reason=EndReason.FAULT, detail=failure
                )
        for output in outputs.values():
            if output.reason is not None:
                self._forget(output.sequence_id)
        return list(outputs.values())

    def reset(self) -> None:
        if self._loaded is None:
            raise RuntimeError("the backend is closed")
        self._sequence_ids.clear()
        self._uids.clear()
        self._constrained.clear()
        self._generator.close()
        mx.clear_cache()
        self._generator = _Generator(self._loaded.model, max_running=self._limits.max_running)

    def close(self) -> None:
        self._generator.close()
        # The generator refers to the model; both must go for the weights to be freed.
        del self._generator
        self._loaded = None
        mx.clear_cache()

    def _forget(self, sequence_id: int) -> int:
        uid = self._uids.pop(sequence_id)
        del self._sequence_ids[uid]
        self._constrained.pop(uid, None)
        return uid

    def _failures(self) -> list[tuple[int, str]]:
        """The sequences whose constraint failed, with the reason."""
        return [(uid, row.failure) for uid, row in self._constrained.items() if row.failure is not None]

    def _stop_sequences(self, stop_tokens: frozenset[int]) -> StopSequences:
        """One automaton for each set of stop tokens; a dialect has one or two of them."""
        if stop_tokens not in self._stops:
            self._stops[stop_tokens] = StopSequences([[token] for token in sorted(stop_tokens)])
        return self._stops[stop_tokens]
