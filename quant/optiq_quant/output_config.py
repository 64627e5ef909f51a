"""config.json and the index of a written checkpoint, as mlx-lm reads them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from optiq_quant.formats import Format
from optiq_quant.inventory import Inventory
from optiq_quant.plan import Plan
from optiq_quant.tensor_layout import ShardLayout

_DTYPE_FIELDS = ("dtype", "torch_dtype")


def output_config(source: Mapping[str, Any], inventory: Inventory, plan: Plan) -> dict[str, Any]:
    """The source's config.json with the plan's `quantization` in place of its own.

    mlx-lm takes a path's own entry, and gives a module that has no scales no quantization, so only quantized
    paths are named. `quantization_config` is a copy, as mlx-lm writes it for the hub.
    """
    config = {
        name: value for name, value in source.items() if name not in ("quantization", "quantization_config")
    }
    text = config.get("text_config")
    if isinstance(text, dict):
        config["text_config"] = {name: value for name, value in text.items() if name != "quantization_config"}
    for name in _DTYPE_FIELDS:
        if config.get(name) == "float32":
            config[name] = inventory.dtype
    _spell_rope(config)
    formats = plan.formats()
    coded = {path: form for path, form in formats.items() if form.group_size}
    if coded:
        common = _most_weights(inventory, coded)
        entries = {unit.path: coded[unit.path].as_config() for unit in inventory.units if unit.path in coded}
        config["quantization"] = {**common.as_config(), **entries}
        config["quantization_config"] = config["quantization"]
    return dict(sorted(config.items()))


def output_index(shards: Sequence[ShardLayout], inventory: Inventory) -> dict[str, Any]:
    """model.safetensors.index.json."""
    placed = {tensor.name: shard.name for shard in shards for tensor in shard.tensors}
    size = sum(tensor.bytes for shard in shards for tensor in shard.tensors)
    return {
        "metadata": {"total_size": size, "total_parameters": inventory.parameters},
        "weight_map": dict(sorted(placed.items())),
    }


def _spell_rope(config: dict[str, Any]) -> None:
    """Newer checkpoints say `rope_parameters`, which mlx-lm's gpt_oss passes over: say it the old way too."""
    stated = config.get("rope_parameters")
    if config.get("model_type") == "gpt_oss" and isinstance(stated, dict) and not config.get("rope_scaling"):
        config["rope_scaling"] = stated
        config["rope_theta"] = stated.get("rope_theta", config.get("rope_theta"))


def _most_weights(inventory: Inventory, coded: Mapping[str, Format]) -> Format:
    """The format that most weights have; of equals the first."""
    weights: dict[Format, int] = {}
    for unit in inventory.units:
        if unit.path in coded:
            weights[coded[unit.path]] = weights.get(coded[unit.path], 0) + unit.parameters
    return max(weights, key=lambda form: weights[form])
