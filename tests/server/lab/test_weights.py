"""A real checkpoint's units as the Lab tells them: the pocket model, shown while nothing of it is read."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from mlx.nn.layers.base import Module

from optiq_harmony.ranks import unpack_ranks
from optiq_server.engine.loader import load_checkpoint
from optiq_server.lab.facts import CheckpointFacts
from optiq_server.lab.weights import checkpoint_facts
from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint

pytestmark = pytest.mark.mlx


@pytest.fixture(name="facts", scope="module")
def _facts(tmp_path_factory: pytest.TempPathFactory) -> CheckpointFacts:
    cache = tmp_path_factory.mktemp("cache")
    folder = unpack_pocket_checkpoint(cache, ranks=unpack_ranks(cache))
    (folder / "optiq.json").write_text(json.dumps({"version": 1}))
    found: list[CheckpointFacts] = []

    def inspect(folder: Path, model: Module, config: Mapping[str, object]) -> None:
        found.append(checkpoint_facts(folder, model, config))

    load_checkpoint(folder, inspect=inspect)
    return found[0]


def test_units_and_the_rest_are_all_bytes_of_the_checkpoint(facts: CheckpointFacts) -> None:
    weights = facts.weights
    assert weights is not None

    total = sum(unit.bytes for unit in weights.units) + weights.other_bytes
    parameters = sum(unit.parameters for unit in weights.units)
    assert facts.layers == 4
    assert weights.bits_per_weight == pytest.approx(8 * total / parameters, rel=0.01)
    assert weights.baselines["rest affine 4"] < weights.baselines["rest affine 8"] < total


def test_experts_are_as_they_are_stored_and_read_in_part(facts: CheckpointFacts) -> None:
    assert facts.weights is not None
    experts = [unit for unit in facts.weights.units if unit.role == "expert down"]

    assert [unit.layer for unit in experts] == [0, 1, 2, 3]
    assert {(unit.format, unit.bits) for unit in experts} == {("mxfp4", 4.25)}
    assert all(unit.decode_bytes * 4 == unit.bytes for unit in experts)
    assert {unit.format for unit in facts.weights.units if "expert" not in unit.role} == {"bf16"}


def test_the_plan_of_the_folder_is_told(facts: CheckpointFacts) -> None:
    assert facts.plan == {"version": 1}
