"""Reads what enters each unit while the model runs, and keeps sums of it: `InputStatistics`.

It stands in the units' places for that long, and changes nothing that they compute. It knows no format.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module

from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.modules import is_embedding, is_expert, replace_module, unit_modules, weight_shape
from optiq_quant.progress import Reporter
from optiq_quant.statistics import InputStatistics


class InputRecorder:
    """Sums over all passes that run inside `installed`, of the units at `paths`, or of all.

    `moments` names the units whose second moment is wanted; it takes 4 in^2 bytes, and of experts each has
    one. A tied embedding is weighed by its inputs as the head where those were seen, else by its rows.
    """

    def __init__(
        self, model: Module, paths: Collection[str] | None = None, *, moments: Collection[str] = ()
    ) -> None:
        modules = unit_modules(model)
        self._model = model
        self._modules = {path: modules[path] for path in modules if paths is None or path in paths}
        last = _LastInputs()
        self._recorders = {
            path: _recorder(module, last, with_moment=path in moments)
            for path, module in self._modules.items()
        }

    @contextmanager
    def installed(self) -> Iterator[None]:
        try:
            for path, recorder in self._recorders.items():
                replace_module(self._model, path, recorder)
            yield
        finally:
            for path, module in self._modules.items():
                replace_module(self._model, path, module)

    def statistics(self) -> Mapping[str, InputStatistics]:
        """Of each unit that has seen an input."""
        found = {path: recorder.statistics() for path, recorder in self._recorders.items()}
        return {path: each for path, each in found.items() if each is not None}


def record_inputs(
    model: LayerwiseModel,
    prompts: Sequence[Sequence[int]],
    reporter: Reporter,
    *,
    paths: Collection[str] | None = None,
    moments: Collection[str] = (),
) -> Mapping[str, InputStatistics]:
    """What the units at `paths`, or all, are given while the model reads the prompts: one pass over each."""
    recorder = InputRecorder(model.model, paths, moments=moments)
    reporter.begin("recording inputs", len(prompts))
    for prompt in prompts:
        with recorder.installed():
            hidden = model.read(prompt)
            for block in blocks(len(prompt)):
                model.logits(hidden[block])
        reporter.advance()
    return recorder.statistics()


class _Inputs:
    """One call's inputs (n, in), or what several units that are given the same array make of them."""

    def __init__(self, inputs: mx.array, indices: mx.array | None, experts: int) -> None:
        if indices is not None:
            # Experts take (..., 1, in), with one axis of 1 where several experts share a token's input.
            inputs = mx.broadcast_to(inputs.squeeze(-2), (*indices.shape, inputs.shape[-1]))
        self._rows = inputs.reshape(-1, inputs.shape[-1]).astype(mx.float32)
        self._experts = None if indices is None else np.array(indices.reshape(-1))
        self._expert_count = experts
        self._products: mx.array | None = None
        self.count, self.width = self._rows.shape
        self.counts, self.squares = self._sums()
        mx.eval(self.counts, self.squares)

    def _sums(self) -> tuple[mx.array | None, mx.array]:
        """How many inputs each expert saw, if there are experts, and the sums of squares."""
        squares = mx.square(self._rows)
        if self._experts is None:
            return None, squares.sum(axis=0)
        counts = mx.array(np.bincount(self._experts, minlength=self._expert_count))
        zeros = mx.zeros((self._expert_count, self.width))
        return counts, zeros.at[mx.array(self._experts)].add(squares)

    def products(self) -> mx.array:
        """X^T X, (in, in) or (experts, in, in)."""
        if self._products is None:
            if self._experts is None:
                self._products = self._rows.T @ self._rows
            else:
                chosen = [np.flatnonzero(self._experts == each) for each in range(self._expert_count)]
                rows = [self._rows[mx.array(each)] for each in chosen]
                self._products = mx.stack([each.T @ each for each in rows])
            mx.eval(self._products)
        return self._products


class _LastInputs:
    """Query, key and value are given the same array, and so are gate and up: its sums are made once."""

    def __init__(self) -> None:
        self._array: mx.array | None = None
        self._inputs: _Inputs | None = None

    def of(self, array: mx.array, indices: mx.array | None = None, experts: int = 0) -> _Inputs:
        if self._inputs is None or self._array is not array:
            self._array, self._inputs = array, _Inputs(array, indices, experts)
        return self._inputs


class _Tally:
    """Sums over calls."""

    def __init__(self, *, with_moment: bool) -> None:
        self._with_moment = with_moment
        self._count = 0
        self._squares: mx.array | None = None
        self._products: mx.array | None = None
        self._counts: mx.array | None = None

    def add(self, inputs: _Inputs) -> None:
        self._count += inputs.count
        self._squares = _plus(self._squares, inputs.squares)
        self._counts = _plus(self._counts, inputs.counts)
        if self._with_moment:
            self._products = _plus(self._products, inputs.products())

    def statistics(self) -> InputStatistics | None:
        if self._squares is None:
            return None
        counts = self._counts
        seen = mx.array(self._count) if counts is None else mx.maximum(counts, 1)[:, None]
        moment = None
        if self._products is not None:
            moment = self._products / (seen if counts is None else seen[..., None])
        return InputStatistics(
            count=self._count,
            mean_square=self._squares / seen,
            second_moment=moment,
            expert_counts=counts,
        )


def _plus(total: mx.array | None, more: mx.array | None) -> mx.array | None:
    if total is None or more is None:
        return more
    total = total + more
    # Left lazy, it would keep all inputs alive.
    mx.eval(total)
    return total


class _Recorder(Module):
    """Hands calls on to `module`, which is no child of it: while it stands there, no path changes."""

    def __init__(self, module: Module, last: _LastInputs, *, with_moment: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # mlx.nn ships no types
        object.__setattr__(self, "_module", module)
        self._last = last
        self._tally = _Tally(with_moment=with_moment)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the module has
        return getattr(object.__getattribute__(self, "_module"), name)

    def statistics(self) -> InputStatistics | None:
        return self._tally.statistics()


class _LinearRecorder(_Recorder):
    def __call__(self, inputs: mx.array) -> mx.array:
        self._tally.add(self._last.of(inputs))
        result: mx.array = self._module(inputs)
        return result


class _ExpertRecorder(_Recorder):
    def __call__(self, inputs: mx.array, indices: mx.array, sorted_indices: bool = False) -> mx.array:
        self._tally.add(self._last.of(inputs, indices, weight_shape(self._module)[0]))
        result: mx.array = self._module(inputs, indices, sorted_indices=sorted_indices)
        return result


class _EmbeddingRecorder(_Recorder):
    def __init__(self, module: Module, last: _LastInputs, *, with_moment: bool) -> None:
        super().__init__(module, last, with_moment=with_moment)
        self._reads = np.zeros(weight_shape(module)[0], np.int64)

    def __call__(self, tokens: mx.array) -> mx.array:
        self._reads += np.bincount(np.array(tokens.reshape(-1)), minlength=len(self._reads))
        result: mx.array = self._module(tokens)
        return result

    def as_linear(self, inputs: mx.array) -> mx.array:
        self._tally.add(self._last.of(inputs))
        result: mx.array = self._module.as_linear(inputs)
        return result

    def statistics(self) -> InputStatistics | None:
        as_head, count = super().statistics(), int(self._reads.sum())
        if as_head is not None or not count:
            return as_head
        return InputStatistics(count=count, mean_square=mx.array(self._reads / count), weighs_rows=True)


def _recorder(module: Module, last: _LastInputs, *, with_moment: bool) -> _Recorder:
    if is_expert(module):
        return _ExpertRecorder(module, last, with_moment=with_moment)
    kind = _EmbeddingRecorder if is_embedding(module) else _LinearRecorder
    return kind(module, last, with_moment=with_moment)
