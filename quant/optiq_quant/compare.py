"""Two models on the same prompts: the divergence of the second from the first, position by position.

They are in memory one after the other. Of the reference its final hidden states are kept, 4 d bytes a token
(184 MB for gpt-oss-20b at 16,000 tokens in float32), and its head, which gives their logits again in blocks;
its layers are given back before the candidate is opened. So the result is exact, and memory is the larger of
the two models, the reference's head and these states. Only where a model's head cannot be split off do both
stay, and the reference reads each prompt twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.divergence import ReferenceBlock, TokenDivergences, joined
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.progress import Reporter
from optiq_quant.trials import decode_if_small

Open: TypeAlias = Callable[[], Module]
"""Loads a model, and keeps no reference to it."""

Prompt: TypeAlias = Sequence[int]

_NO_STATES = 1
"""Bytes for the states between layers: no pass is run from an inner layer on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A prompt's divergences each, in the prompts' order; `seconds` without the loading of the models."""

    prompts: tuple[TokenDivergences, ...]
    seconds: float


def compare_models(
    open_reference: Open, open_candidate: Open, prompts: Sequence[Prompt], reporter: Reporter
) -> Comparison:
    """Raises CheckpointUnusable where the two do not have the same vocabulary."""
    reference = _Reference(_opened(open_reference), prompts, reporter)
    candidate = _opened(open_candidate)
    if candidate.vocabulary != reference.vocabulary:
        raise CheckpointUnusable(
            f"the reference has {reference.vocabulary} tokens and the candidate {candidate.vocabulary}; only "
            "models of the same vocabulary can be compared"
        )
    reporter.begin("reading the candidate", len(prompts))
    began = time.monotonic()
    found = []
    for index, prompt in enumerate(prompts):
        found.append(_compare(reference, index, candidate, prompt))
        reporter.advance()
    seconds = reference.seconds + time.monotonic() - began
    return Comparison(prompts=tuple(found), seconds=seconds)


def _opened(load: Open) -> LayerwiseModel:
    return LayerwiseModel(decode_if_small(load()), state_bytes=_NO_STATES)


class _Reference:
    """What is left of the reference once it has read all prompts."""

    def __init__(self, model: LayerwiseModel, prompts: Sequence[Prompt], reporter: Reporter) -> None:
        self._model = model
        self._prompts = prompts
        self._hidden: list[mx.array] = []
        self.vocabulary = model.vocabulary
        began = time.monotonic()
        if model.splits_head:
            reporter.begin("reading the reference", len(prompts))
            for prompt in prompts:
                self._hidden.append(model.read(prompt))
                reporter.advance()
            model.drop_layers()
        self.seconds = time.monotonic() - began

    def hidden(self, index: int) -> mx.array:
        return self._hidden[index] if self._hidden else self._model.read(self._prompts[index])

    def logits(self, hidden: mx.array) -> mx.array:
        return self._model.logits(hidden)


def _compare(
    reference: _Reference, index: int, candidate: LayerwiseModel, prompt: Prompt
) -> TokenDivergences:
    truth, hidden = reference.hidden(index), candidate.read(prompt)
    parts = []
    for block in blocks(len(prompt)):
        logits, others = reference.logits(truth[block]), candidate.logits(hidden[block])
        following = prompt[block.start + 1 : block.stop + 1]
        parts.append(ReferenceBlock(logits, following).compare(others))
    return joined(parts)
