"""mlx-lm's modules that hold units, and the same modules with other weights.

The only file of the quantizer that knows these classes. It does not know what a format costs or harms.
"""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.embedding import Embedding
from mlx.nn.layers.linear import Linear
from mlx.nn.layers.quantized import QuantizedEmbedding, QuantizedLinear
from mlx.utils import tree_flatten
from mlx_lm.models.switch_layers import QuantizedSwitchLinear, SwitchLinear

from optiq_quant.encoded import Encoded
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.formats import Format, Mode, dense, format_of_config

_LINEARS = (Linear, QuantizedLinear)
_EMBEDDINGS = (Embedding, QuantizedEmbedding)
_EXPERTS = (SwitchLinear, QuantizedSwitchLinear)
_QUANTIZED = (QuantizedLinear, QuantizedEmbedding, QuantizedSwitchLinear)
_FLOATS: Mapping[mx.Dtype, str] = {
    mx.bfloat16: "bfloat16",
    mx.float16: "float16",
    mx.float32: "float32",
}

_SMALLEST = 128, 32
"""Inputs and outputs that every format fits, for the random weights that the classes draw, and we replace."""


def unit_modules(model: Module) -> dict[str, Module]:
    """The modules that are units, by path, in the model's order.

    Raises CheckpointUnusable where one is stored in a way that no format describes.
    """
    leaves = dict(tree_flatten(model.leaf_modules(), is_leaf=Module.is_module))
    units: dict[str, Module] = {
        path: leaf for path, leaf in leaves.items() if isinstance(leaf, _LINEARS + _EMBEDDINGS + _EXPERTS)
    }
    for path, module in units.items():
        try:
            stored_format(module)
        except ValueError as error:
            raise CheckpointUnusable(f"{path}: {error}") from error
    return units


def is_embedding(module: Module) -> bool:
    return isinstance(module, _EMBEDDINGS)


def is_expert(module: Module) -> bool:
    """Whether it holds one projection of all experts of a layer."""
    return isinstance(module, _EXPERTS)


def stored_format(module: Module) -> Format:
    """Raises ValueError where no format describes it."""
    if isinstance(module, _QUANTIZED):
        if getattr(module, "global_scale", None) is not None:
            raise ValueError("nvfp4 with a scale of the whole tensor cannot be read here")
        stated = {"mode": module.mode, "bits": module.bits, "group_size": module.group_size}
        return format_of_config(stated)
    dtype = _FLOATS.get(module.weight.dtype)
    if dtype is None:
        raise ValueError(f"weights of type {module.weight.dtype} are not floats of 16 or 32 bits")
    return dense(dtype)


def stored_encoding(module: Module) -> Encoded:
    """The module's weights as the source has them; no array is evaluated."""
    return Encoded(
        format=stored_format(module),
        weight=module.weight,
        scales=module.get("scales"),
        biases=module.get("biases"),
    )


def weight_shape(module: Module) -> tuple[int, ...]:
    """(out, in) or (experts, out, in) of the weights themselves, however they are packed."""
    *rows, columns = module.weight.shape
    return (*rows, columns * 32 // module.bits) if isinstance(module, _QUANTIZED) else (*rows, columns)


def weight_of(module: Module, dtype: mx.Dtype = mx.float32) -> mx.array:
    """The weights as floats, (out, in) or (experts, out, in)."""
    return stored_encoding(module).decoded(dtype)


def with_encoding(module: Module, encoded: Encoded, dtype: mx.Dtype) -> Module:
    """A module in place of `module` that computes in `dtype` with the weights that `encoded` means.

    Linears and embeddings hold them decoded, which a CPU multiplies fastest. Experts stay coded: decoded,
    they would be many times larger.
    """
    if is_expert(module) and encoded.format.mode is not Mode.DENSE:
        return _in_dtype(quantized_module(module, encoded), dtype)
    return _in_dtype(_dense_module(module, encoded.decoded(dtype)), dtype)


def quantized_module(module: Module, encoded: Encoded) -> Module:
    """A module in place of `module` that holds `encoded` as it is: what mlx-lm builds when it loads that."""
    form = encoded.format
    if form.mode is Mode.DENSE:
        return _dense_module(module, encoded.weight)
    settings: dict[str, Any] = form.as_config()
    made: Module
    if is_expert(module):
        made = QuantizedSwitchLinear(*_SMALLEST, 1, bias=False, **settings)
    elif is_embedding(module):
        made = QuantizedEmbedding(*_SMALLEST[::-1], **settings)
        made.num_embeddings, made.dims = weight_shape(module)
    else:
        made = QuantizedLinear(*_SMALLEST, bias=False, **settings)
    made.weight, made.scales, made.biases = encoded.weight, encoded.scales, encoded.biases
    return _with_bias_of(module, made)


def replace_module(model: Module, path: str, module: Module) -> None:
    """Put `module` at `path`. Raises KeyError or IndexError where there is no such path."""
    *way, name = path.split(".")
    parent: Any = model
    for step in way:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    if isinstance(parent, list):
        parent[int(name)] = module
        return
    if name not in parent:
        raise KeyError(path)
    setattr(parent, name, module)


def _dense_module(module: Module, weight: mx.array) -> Module:
    made: Module
    if is_expert(module):
        made = SwitchLinear(1, 1, 1, bias=False)
    elif is_embedding(module):
        made = Embedding(1, 1)
    else:
        made = Linear(1, 1, bias=False)
    made.weight = weight
    return _with_bias_of(module, made)


def _with_bias_of(module: Module, made: Module) -> Module:
    if "bias" in module:
        made.bias = module.bias
    made.train(module.training)
    return made


def _in_dtype(module: Module, dtype: mx.Dtype) -> Module:
    """Its floats in `dtype`; codes, and scales that are bytes, stay."""
    module.set_dtype(dtype)
    return module
