"""A model that is run again from any layer on, its logits computed a block of tokens at a time.

    read(tokens)          the reference pass over one prompt: what enters each layer is kept
    final_hidden(start)   the layers from `start` on, as they are now; those before are not computed
    logits(hidden)        the head, as it is now, for a block of tokens

Masks, windows and sinks are whatever the model makes itself. It knows no format, no text and no divergence.

Memory beyond the weights, for one prompt of T tokens, hidden size d, L layers, vocabulary V and floats of b
bytes: L T d b for the states, but at most STATE_BYTES (where all would take more, every second, third, ...
is kept, and the layers between are computed again), and 4 V bytes for each logit vector of a block. For
gpt-oss-20b at T = 1024 in float32 the states take 23 x 1024 x 2880 x 4 = 271 MB, and each array of logits in
a block of 64 takes 64 x 201088 x 4 = 51 MB. Nothing grows with the number of prompts: they are read one after
the other.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.anatomy import dissect
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.forward_count import ForwardCount, even_work, work_of
from optiq_quant.units import Role, Unit

STATE_BYTES = 400 << 20
"""With this much for states, six arrays of a block's logits and a layer's own arrays stay below 1 GB."""

BLOCK_TOKENS = 64
"""Logits are computed for so many tokens at a time."""


class LayerwiseModel:
    """`model` is a causal model of mlx-lm, called with tokens (1, T). Between calls it is as it was given.

    `units` weigh what parts of a pass cost, in `count`. Where a model cannot be cut (`is_layerwise`), each
    run is a whole one; where its head cannot be split off (`splits_head`), a "final hidden state" is the
    logits themselves, whole prompts of them.
    """

    def __init__(self, model: Module, units: Sequence[Unit] = (), *, state_bytes: int = STATE_BYTES) -> None:
        self.model = model
        self.count = ForwardCount()
        self._anatomy = dissect(model)
        self._state_bytes = state_bytes
        layers = max(len(self._anatomy.layers), 1 + max((unit.layer or 0 for unit in units), default=0))
        self._work = work_of(units, layers) if units else even_work(layers)
        self._tokens = mx.zeros((1, 0), mx.int32)
        self._states: dict[int, mx.array] = {}
        self._final: mx.array | None = None

    @property
    def layer_count(self) -> int:
        """0 where the model cannot be cut."""
        return len(self._anatomy.layers)

    @property
    def vocabulary(self) -> int:
        """How many tokens get logits."""
        return self._anatomy.vocabulary

    @property
    def is_layerwise(self) -> bool:
        return self.layer_count > 0

    @property
    def splits_head(self) -> bool:
        return self._anatomy.head is not None

    @property
    def head_forwards(self) -> float:
        """What all logits of a prompt cost beyond its final hidden states, in full passes."""
        return self._work.share(len(self._work.layers), with_head=True) if self.splits_head else 0.0

    @contextmanager
    def counting(self) -> Iterator[ForwardCount]:
        """What is computed meanwhile, by itself: the same whatever was computed before."""
        whole, self.count = self.count, ForwardCount()
        try:
            yield self.count
        finally:
            whole.include(self.count)
            self.count = whole

    def start_of(self, unit: Unit) -> int:
        """From which layer on a pass must run again once `unit` has changed: `layer_count` if only the head
        does; 0 embeds anew."""
        if unit.layer is not None:
            return unit.layer
        return self.layer_count if unit.role is Role.HEAD else 0

    def read(self, tokens: Sequence[int]) -> mx.array:
        """The reference pass: final hidden states (T, d). What it keeps replaces what the last one kept.

        Raises CheckpointUnusable for a token that the model does not have.
        """
        if max(tokens) >= self.vocabulary:
            # MLX would read past the embedding's end.
            raise CheckpointUnusable(f"token {max(tokens)} is not one of the model's {self.vocabulary}")
        self._final = None
        self._states.clear()
        self._tokens = mx.array([list(tokens)])
        with self._counted(0, len(tokens)):
            final = self._anatomy.run(self._tokens, 0, self._states, self._stored_layers(len(tokens)))
        self._final = final
        return final

    def final_hidden(self, start: int) -> mx.array:
        """Final hidden states (T, d) of the prompt read last. The layers before `start` must be as they were
        in its reference pass."""
        if self._final is None:
            raise RuntimeError("a prompt must be read first")
        if self.is_layerwise and self.splits_head and start >= self.layer_count:
            return self._final
        stored = max((layer for layer in self._states if layer <= start), default=0)
        with self._counted(stored, self._tokens.size):
            return self._anatomy.run(self._tokens, stored, self._states)

    def leaving(self, layer: int, tokens: Sequence[int], entering: mx.array | None) -> mx.array:
        """What leaves `layer`, as it is now, given what enters it; None has the tokens embedded, before the
        first. For whoever goes through the layers in order, and keeps the states of many prompts."""
        states = {} if entering is None else {layer: entering}
        began = time.monotonic()
        self._anatomy.run(mx.array([list(tokens)]), layer, states, range(layer + 1, layer + 2), layer + 1)
        self.count.seconds += time.monotonic() - began
        share = self._work.share(layer, with_head=False) - self._work.share(layer + 1, with_head=False)
        self.count.add(share, tokens=len(tokens), of=len(tokens))
        return states[layer + 1]

    def final_of(self, layer: int, tokens: Sequence[int], entering: mx.array | None) -> mx.array:
        """Final hidden states (T, d) of tokens, given what enters `layer`; as `leaving`. What `read` kept is
        let go."""
        self._final = None
        self._states.clear()
        self._tokens = mx.array([list(tokens)])
        states = {} if entering is None else {layer: entering}
        with self._counted(layer, len(tokens)):
            return self._anatomy.run(self._tokens, layer, states)

    def logits(self, hidden: mx.array) -> mx.array:
        """Logits (n, V) in float32 of final hidden states (n, d) of the prompt read last."""
        head = self._anatomy.head
        if head is None:
            return hidden.astype(mx.float32)
        began = time.monotonic()
        logits = head(hidden[None])[0].astype(mx.float32)
        mx.eval(logits)
        self.count.seconds += time.monotonic() - began
        share = self._work.share(len(self._work.layers), with_head=True)
        self.count.add(share, tokens=hidden.shape[0], of=self._tokens.size)
        return logits

    def drop_layers(self) -> None:
        """Give the layers' memory back. From then on there is `logits`, and nothing else. Only where the head
        is split off and the layers are found; elsewhere it does nothing."""
        if self.is_layerwise and self.splits_head:
            self._states.clear()
            self._final = None
            self._anatomy.layers.clear()

    def kept_bytes(self) -> int:
        """What the states of the prompt read last take."""
        return sum(state.nbytes for state in self._states.values())

    def _stored_layers(self, tokens: int) -> range:
        """The layers whose entering state is kept."""
        every = (self.layer_count - 1) * tokens * self._anatomy.state_bytes
        stride = max(1, -(-every // self._state_bytes))
        return range(stride, self.layer_count, stride)

    @contextmanager
    def _counted(self, start: int, tokens: int) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.count.seconds += time.monotonic() - began
        share = self._work.share(start, with_head=not self.splits_head)
        self.count.add(share, tokens=tokens, of=tokens)


def blocks(length: int, size: int = BLOCK_TOKENS) -> Iterator[slice]:
    """The slices of `size` tokens, and a shorter one, that make up a prompt."""
    return (slice(first, min(first + size, length)) for first in range(0, length, size))
