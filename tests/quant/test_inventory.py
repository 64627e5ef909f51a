"""What a checkpoint holds, and what plans make of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import pytest

from optiq_quant.errors import PlanRejected
from optiq_quant.formats import Format, affine, dense, parse_format
from optiq_quant.inventory import Inventory
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.units import Role
from tests.quant.checkpoints import REFERENCE, inventory_of, llama_checkpoint, mlx_checkpoint, plan_for


@pytest.fixture(name="inventory", scope="module")
def _inventory() -> Inventory:
    return inventory_of(REFERENCE)


def test_all_bytes_of_the_source_are_told(inventory: Inventory) -> None:
    stored = mx.load(str(REFERENCE / "model.safetensors"))
    assert isinstance(stored, dict)

    total = inventory.total_bytes(inventory.stored_formats())

    assert total == sum(array.nbytes for array in stored.values())


def test_a_token_reads_one_row_of_the_embedding_and_the_active_experts(inventory: Inventory) -> None:
    units = inventory.by_path()
    formats = inventory.stored_formats()

    embedding, experts = units["model.embed_tokens"], units["model.layers.0.mlp.experts.up_proj"]

    assert embedding.decode_bytes(embedding.stored) == 64 * 2
    assert (experts.read_numerator, experts.read_denominator) == (2, 4)
    unread = (512 - 1) * 64 * 2
    idle_experts = sum(unit.bytes(unit.stored) // 2 for unit in inventory.units if unit.role.is_expert)
    idle_biases = 4 * 3 * (4 * 64 * 2) // 2
    assert (
        inventory.decode_bytes(formats)
        == inventory.total_bytes(formats) - unread - idle_experts - idle_biases
    )


def test_a_tied_embedding_is_read_whole(tmp_path: Path) -> None:
    inventory = inventory_of(llama_checkpoint(tmp_path / "llama"))

    embedding = inventory.by_path()["model.embed_tokens"]

    assert embedding.role is Role.EMBEDDING
    assert embedding.decode_bytes(embedding.stored) == embedding.bytes(embedding.stored)


def test_bits_per_weight_count_everything_and_allocated_bits_only_nominal_ones(inventory: Inventory) -> None:
    formats = {unit.path: unit.stored if unit.is_native else affine(4) for unit in inventory.units}

    assert inventory.allocated_bits_per_weight(formats) == 4
    assert inventory.bits_per_weight(formats) == pytest.approx(
        8 * inventory.total_bytes(formats) / inventory.parameters
    )
    assert inventory.bits_per_weight(formats) > 4.25


@pytest.mark.parametrize("name", ["affine2g32", "affine6g64", "mxfp4", "mxfp8", "nvfp4", "bf16", "f32"])
def test_tensors_are_foretold_as_mlx_makes_them(inventory: Inventory, name: str) -> None:
    unit, form = inventory.by_path()["model.layers.0.self_attn.q_proj"], parse_format(name)

    foretold = inventory.tensors(unit, form, Coding.NEAREST)

    assert sum(tensor.bytes for tensor in foretold) == unit.bytes(form)


def test_a_checkpoint_in_float32_gets_16_bit_floats(tmp_path: Path) -> None:
    inventory = inventory_of(llama_checkpoint(tmp_path / "llama", mx.float32))

    assert inventory.dtype == "bfloat16"
    assert {tensor.dtype for tensor in inventory.others} == {"bfloat16"}


def test_the_scales_of_a_float16_checkpoint_are_float16(tmp_path: Path) -> None:
    assert inventory_of(llama_checkpoint(tmp_path / "llama", mx.float16)).dtype == "float16"


def test_a_quantized_checkpoint_tells_its_formats(tmp_path: Path) -> None:
    inventory = inventory_of(mlx_checkpoint(tmp_path / "mlx", llama_checkpoint(tmp_path / "llama")))

    assert set(inventory.stored_formats().values()) == {affine(4)}
    assert all(unit.is_native for unit in inventory.units)


def _without_last(units: tuple[PlannedUnit, ...]) -> tuple[PlannedUnit, ...]:
    return units[:-1]


def _with_unknown(units: tuple[PlannedUnit, ...]) -> tuple[PlannedUnit, ...]:
    return (*units, replace(units[0], path="nowhere"))


def _kept_in(form: Format) -> Callable[[tuple[PlannedUnit, ...]], tuple[PlannedUnit, ...]]:
    return lambda units: (replace(units[0], format=form, coding=Coding.KEPT), *units[1:])


def _first_in(form: Format) -> Callable[[tuple[PlannedUnit, ...]], tuple[PlannedUnit, ...]]:
    return lambda units: (replace(units[0], format=form), *units[1:])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_last, "does not name lm_head"),
        (_with_unknown, "names nowhere, which is no unit"),
        (_kept_in(affine(4)), "model.embed_tokens: kept means bf16"),
        (_first_in(affine(4, 128)), "affine4g128 does not fit its shape"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    inventory: Inventory,
    spoil: Callable[[tuple[PlannedUnit, ...]], tuple[PlannedUnit, ...]],
    message: str,
) -> None:
    plan = plan_for(REFERENCE)
    spoilt = Plan(source=plan.source, units=spoil(plan.units), evidence={})

    with pytest.raises(PlanRejected, match=message):
        inventory.layout(spoilt)


def test_a_kept_unit_in_its_own_format_is_no_fault(inventory: Inventory) -> None:
    plan = plan_for(REFERENCE, lambda _, unit: (unit.stored, Coding.KEPT))

    assert inventory.predicted_file_bytes(plan) > inventory.total_bytes(plan.formats())
    assert plan.formats()["lm_head"] == dense("bfloat16")
