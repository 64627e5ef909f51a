"""config.json and index of a written checkpoint."""

from typing import Any

import pytest

from optiq_quant.formats import dense
from optiq_quant.inventory import Inventory
from optiq_quant.output_config import output_config, output_index
from optiq_quant.plan import Coding
from tests.quant.checkpoints import REFERENCE, inventory_of, plan_for


@pytest.fixture(name="inventory", scope="module")
def _inventory() -> Inventory:
    return inventory_of(REFERENCE)


def _config(inventory: Inventory, source: dict[str, Any]) -> dict[str, Any]:
    return output_config(source, inventory, plan_for(REFERENCE))


def test_each_quantized_path_is_named_and_no_other(inventory: Inventory) -> None:
    plan = plan_for(REFERENCE)

    quantization = output_config({}, inventory, plan)["quantization"]

    named = {path: entry for path, entry in quantization.items() if isinstance(entry, dict)}
    assert named == {path: form.as_config() for path, form in plan.formats().items() if form.group_size}
    assert len(named) < len(plan.units)


def test_the_sources_own_quantization_is_replaced(inventory: Inventory) -> None:
    source = {
        "quantization_config": {"quant_method": "mxfp4"},
        "text_config": {"quantization_config": {}, "vocab_size": 8},
        "vocab_size": 8,
    }

    config = _config(inventory, source)

    assert config["quantization_config"] == config["quantization"]
    assert config["quantization"]["mode"] == "mxfp4"
    assert (config["text_config"], config["vocab_size"]) == ({"vocab_size": 8}, 8)
    assert source["quantization_config"] == {"quant_method": "mxfp4"}


def test_a_plan_without_quantized_units_leaves_no_quantization(inventory: Inventory) -> None:
    plan = plan_for(REFERENCE, lambda _number, _unit: (dense("bfloat16"), Coding.NEAREST))

    assert output_config({"quantization": {"bits": 4}}, inventory, plan) == {}


def test_gpt_oss_with_the_newer_spelling_of_rope_gets_the_older_too(inventory: Inventory) -> None:
    rope = {"rope_type": "yarn", "factor": 32.0, "rope_theta": 150000.0}

    config = _config(inventory, {"model_type": "gpt_oss", "rope_parameters": rope})

    assert (config["rope_scaling"], config["rope_theta"]) == (rope, 150000.0)
    assert config["rope_parameters"] == rope


def test_the_index_names_the_file_of_each_tensor(inventory: Inventory) -> None:
    shards = inventory.layout(plan_for(REFERENCE), shard_bytes=100_000)

    index = output_index(shards, inventory)

    assert set(index["weight_map"].values()) == {shard.name for shard in shards}
    assert index["weight_map"]["lm_head.weight"] == next(
        shard.name for shard in shards if "lm_head.weight" in shard.offsets()
    )
    assert index["metadata"]["total_size"] == sum(
        tensor.bytes for shard in shards for tensor in shard.tensors
    )
