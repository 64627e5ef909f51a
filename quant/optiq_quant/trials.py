"""Trials: some units in other formats than the source's, the rest as it is. How a model is made to be one.

It measures nothing.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import mlx.core as mx
from mlx.nn.layers.base import Module

from optiq_quant.encoded import Encoded, stacked
from optiq_quant.formats import Format, Mode
from optiq_quant.modules import (
    is_expert,
    quantized_module,
    replace_module,
    stored_encoding,
    unit_modules,
    weight_shape,
    with_encoding,
)

Encode: TypeAlias = Callable[[str, mx.array, Format], Encoded]
"""(path, weights (..., out, in), format) -> their codes. It is given slabs of rows, or of experts."""

_DECODED_BYTES = 640 << 20
"""Decoded, weights are multiplied fastest on a CPU; a trial that would take more is held coded. The head of
gpt-oss-20b alone would take 2.3 GB in float32, all of SmolLM2-135M takes 538 MB."""

_SLAB_WEIGHTS = 32 << 20

_FLOAT = mx.float32
"""What the model computes in while it is measured: see `host`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Which units are in which format: pairs of path and format, each path once, in order of the paths."""

    changes: tuple[tuple[str, Format], ...]

    @property
    def name(self) -> str:
        return " ".join(f"{path}={form.name}" for path, form in self.changes)


def trial_of(formats: Mapping[str, Format]) -> Trial:
    return Trial(changes=tuple(sorted(formats.items(), key=lambda change: change[0])))


def trial_modules(model: Module, trial: Trial, encode: Encode) -> dict[str, Module]:
    """The modules that stand in `model` during the trial, by path. They compute in float32."""
    modules = unit_modules(model)
    changed = {path: modules[path] for path, _ in trial.changes}
    decoded = sum(_weights(module) for module in changed.values() if not is_expert(module)) * _FLOAT.size
    return {
        path: coded_module(changed[path], path, form, encode, decoded=decoded <= _DECODED_BYTES)
        for path, form in trial.changes
    }


def decode_if_small(model: Module) -> Module:
    """`model`, its coded units decoded to float32 where all of them together, experts aside, are small."""
    modules = {path: module for path, module in unit_modules(model).items() if not is_expert(module)}
    if sum(map(_weights, modules.values())) * _FLOAT.size > _DECODED_BYTES:
        return model
    for path, module in modules.items():
        encoded = stored_encoding(module)
        if encoded.format.mode is not Mode.DENSE:
            replace_module(model, path, _module(module, encoded, decoded=True))
    return model


def coded_module(module: Module, path: str, form: Format, encode: Encode, *, decoded: bool) -> Module:
    """A module in place of `module` whose weights are coded in `form`, slab by slab."""
    parts = []
    for slab in weight_slabs(module):
        parts.append(encode(path, slab, form))
        # Left lazy, its codes would keep the slab.
        mx.eval(parts[-1].tensors(""))
    return _module(module, stacked(parts, weight_shape(module)), decoded=decoded)


def module_of(module: Module, encoded: Encoded) -> Module:
    """A module in place of `module` with the weights that `encoded` means, evaluated."""
    decoded = is_expert(module) or _weights(module) * _FLOAT.size <= _DECODED_BYTES
    return _module(module, encoded, decoded=decoded)


def _module(module: Module, encoded: Encoded, *, decoded: bool) -> Module:
    if decoded:
        made = with_encoding(module, encoded, _FLOAT)
    else:
        made = quantized_module(module, encoded)
        made.set_dtype(_FLOAT)
    mx.eval(made.parameters())
    return made


def _weights(module: Module) -> int:
    return math.prod(weight_shape(module))


def weight_slabs(module: Module, rows: mx.array | None = None) -> Iterator[mx.array]:
    """The module's weights in float32, some rows (or experts) at a time: (n, in) or (n, out, in).

    With `rows` only these outputs, of each expert the same.
    """
    stored = stored_encoding(module)
    first_axis, *rest = weight_shape(module)
    if rows is not None:
        stored = _of_outputs(stored, rows)
        first_axis, rest = (first_axis, [rows.size, rest[1]]) if rest[1:] else (rows.size, rest)
    step = max(1, _SLAB_WEIGHTS // math.prod(rest))
    for first in range(0, first_axis, step):
        yield stored.rows(first, first + step).decoded(mx.float32)


def _of_outputs(encoded: Encoded, rows: mx.array) -> Encoded:
    return Encoded(
        format=encoded.format,
        weight=encoded.weight[..., rows, :],
        scales=None if encoded.scales is None else encoded.scales[..., rows, :],
        biases=None if encoded.biases is None else encoded.biases[..., rows, :],
    )


@contextmanager
def replaced(model: Module, modules: Mapping[str, Module]) -> Iterator[None]:
    """`modules` stand in the model for as long as this lasts."""
    originals = {path: module for path, module in unit_modules(model).items() if path in modules}
    try:
        for path, module in modules.items():
            replace_module(model, path, module)
        yield
    finally:
        for path, module in originals.items():
            replace_module(model, path, module)
