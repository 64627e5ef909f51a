"""A checkpoint's folder -> a model in memory that computes what the checkpoint means, or LoadFailed.

It runs on the worker's thread, and leaves no lazy array behind: MLX evaluates those on the thread that made
them only.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model

from optiq_server.engine import gpt_oss, rope
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.fingerprint import weights_fingerprint
from optiq_server.engine.inventory import Inventory, take_inventory
from optiq_server.engine.kv_budget import kv_budget
from optiq_server.engine.memory import available_memory
from optiq_server.engine.types import ModelInfo

logger = logging.getLogger(__name__)

_UNSTATED_CONTEXT = 32768
"""Context of a model other than gpt-oss whose config.json states none."""

_LEAST_CONTEXT = 256
"""With less than one step of a cache there is no use in serving."""

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model whose arrays are all evaluated. `fingerprint` names its weights."""

    model: Module
    info: ModelInfo
    fingerprint: str


def load_checkpoint(
    folder: Path,
    *,
    available: Callable[[], int | None] = available_memory,
    in_float32: bool | None = None,
    inspect: Callable[[Path, Module, Mapping[str, object]], None] | None = None,
) -> LoadedModel:
    """Load the checkpoint in `folder`. Raises LoadFailed.

    `inspect` is shown the model as it is stored, with the folder and its config.json, while nothing is read.

    `in_float32` widens all 16-bit floats; by default that is done where MLX has no GPU: its quantized
    products in bfloat16 are 5.8 % wrong and ten times slower on a CPU, and unquantized experts are refused
    in any 16-bit type.
    """
    inventory = take_inventory(folder)
    if in_float32 is None:
        in_float32 = mx.default_device().type == mx.DeviceType.cpu
    weight_bytes = inventory.weight_bytes(in_float32=in_float32)
    memory = available()
    _check_memory(folder, weight_bytes, memory)
    left = None if memory is None else memory - weight_bytes
    info = _info(inventory, weight_bytes, left=left, in_float32=in_float32)
    try:
        model = _build(inventory)
        if inspect is not None:
            inspect(folder, model, inventory.config)
        if in_float32:
            model.set_dtype(mx.float32)
        mx.eval(model.parameters())
    except (ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
        raise LoadFailed(f"{folder} cannot be loaded: {_one_line(error)}") from error
    logger.info("loaded %s: %s, %.2f GiB of weights", folder, info.architecture, weight_bytes / _GIB)
    fingerprint = weights_fingerprint(folder, dtype="float32" if in_float32 else "as stored")
    return LoadedModel(model=model, info=info, fingerprint=fingerprint)


def load_lazily(folder: Path) -> Module:
    """The model of the checkpoint in `folder`, every parameter still to be read, in the type it is stored in.

    Raises LoadFailed.
    """
    try:
        return _build(take_inventory(folder))
    except (ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
        raise LoadFailed(f"{folder} cannot be loaded: {_one_line(error)}") from error


def _build(inventory: Inventory) -> Module:
    """The model with its weights still lazy, so that widening them does not hold both kinds at once."""
    model: Module
    if inventory.model_type != "gpt_oss":
        model, _ = load_model(inventory.folder, lazy=True)
        _check_caches(model, inventory)
    else:
        model, _ = load_model(
            inventory.folder,
            lazy=True,
            model_config=gpt_oss.checked_config(inventory.config),
            get_model_classes=lambda config: (gpt_oss.Model, gpt_oss.ModelArgs),
        )
    return model


def _check_caches(model: Module, inventory: Inventory) -> None:
    """Raises LoadFailed for a model that keeps other than keys and values: our caches hold only these."""
    others = {type(cache).__name__ for cache in make_prompt_cache(model)} - {"KVCache", "RotatingKVCache"}
    if others:
        raise LoadFailed(
            f"{inventory.folder} is a model of type {inventory.model_type!r}, which keeps what it has read "
            f"in {', '.join(sorted(others))}: only keys and values can be kept here"
        )


def _info(inventory: Inventory, weight_bytes: int, *, left: int | None, in_float32: bool) -> ModelInfo:
    """`left` is what memory holds beside the weights."""
    config = inventory.config
    vocabulary_size = _positive(config, "vocab_size", None)
    if inventory.model_type == "gpt_oss":
        context_length = rope.context_length(config)
    else:
        context_length = _positive(config, "max_position_embeddings", _UNSTATED_CONTEXT)
    budget = None
    if left is not None:
        budget = kv_budget(config, element_bytes=4 if in_float32 else 2, left=left)
    longest = context_length if budget is None else min(context_length, budget.longest())
    if longest < min(context_length, _LEAST_CONTEXT):
        raise LoadFailed(
            f"{inventory.folder}: {(left or 0) / _GIB:.2f} GiB of memory are left beside the weights, "
            f"too little for the keys and values of {_LEAST_CONTEXT} tokens"
        )
    if longest < context_length:
        logger.warning("memory holds %d tokens of the context's %d", longest, context_length)
    return ModelInfo(
        architecture=inventory.model_type,
        context_length=longest,
        vocabulary_size=vocabulary_size,
        weight_bytes=weight_bytes,
        is_cut=longest < context_length,
        kv_budget=budget,
    )


def _positive(config: object, name: str, default: int | None) -> int:
    """A size in config.json, or in the `text_config` of a model with more than text."""
    places = [config, config.get("text_config")] if isinstance(config, dict) else []
    stated = [place[name] for place in places if isinstance(place, dict) and place.get(name) is not None]
    value = stated[0] if stated else default
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise LoadFailed(f"config.json: {name} is {value!r}; it must be a positive integer")
    return value


def _check_memory(folder: Path, needed: int, available: int | None) -> None:
    if available is not None and needed > available:
        raise LoadFailed(
            f"{folder} needs {needed / _GIB:.1f} GiB for its weights alone; "
            f"{available / _GIB:.1f} GiB of memory are available"
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
