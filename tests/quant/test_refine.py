"""Which way of coding is kept, stage by stage; and what a killed run leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module
from mlx.utils import tree_flatten

from optiq_quant.code_store import CodeStore
from optiq_quant.errors import JournalForeign
from optiq_quant.formats import affine
from optiq_quant.layerwise import LayerwiseModel
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.progress import SilentReporter
from optiq_quant.refine import Refinement, Settings, Texts, refine, stages_of
from optiq_quant.units import Role
from tests.quant.tiny_models import random_prompt, tiny_gpt_oss, tiny_llama, units_of

TEXTS = Texts(
    measuring=[random_prompt(48, seed) for seed in range(4)],
    selecting=[random_prompt(32, seed) for seed in (10, 11)],
)
IDENTITY = {"weights": "w", "plan": "p"}


def plan_of(model: Module, bits: int = 3) -> Plan:
    """All in affine codes of groups of 32, but experts, which are kept."""
    units = [
        PlannedUnit(
            path=unit.path,
            format=unit.stored if unit.role.is_expert else affine(bits, 32),
            coding=Coding.KEPT if unit.role.is_expert else Coding.NEAREST,
        )
        for unit in units_of(model)
    ]
    return Plan(source="s", units=tuple(units), evidence={})


def refined(model: Module, folder: Path, reporter: SilentReporter | None = None) -> Refinement:
    units = units_of(model)
    with CodeStore(folder, IDENTITY) as store:
        return refine(
            LayerwiseModel(model, units),
            units,
            plan_of(model),
            TEXTS,
            Settings(stored=mx.bfloat16),
            store=store,
            reporter=reporter or SilentReporter(),
        )


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("model", [tiny_llama(), tiny_llama(tied=False), tiny_gpt_oss()])
def test_in_each_stage_the_way_of_least_divergence_is_kept_and_its_codes_written(
    model: Module, tmp_path: Path
) -> None:
    before = dict(tree_flatten(model.parameters()))

    result = refined(model, tmp_path)

    planned = result.plan.by_path()
    assert {report.kept for report in result.reports} != {Coding.NEAREST}
    with CodeStore(tmp_path, IDENTITY) as store:
        for report in result.reports:
            assert report.divergences[report.kept] <= report.divergences[Coding.NEAREST]
            for path in report.stage.paths:
                assert planned[path].coding is report.kept
                assert store.load(path, planned[path].format).scales is not None
    after = dict(tree_flatten(model.parameters()))
    assert all(mx.array_equal(after[name], array) for name, array in before.items())


def test_stages_follow_the_way_of_a_token_and_leave_out_what_is_kept() -> None:
    model = tiny_gpt_oss()
    units = units_of(model)

    stages = stages_of(units, plan_of(model))

    layers = sorted({unit.layer for unit in units if unit.layer is not None})
    assert [stage.name for stage in stages] == ["embedding", *(f"layer {i}" for i in layers), "head"]
    experts = {unit.path for unit in units if unit.role.is_expert}
    assert not experts & {path for stage in stages for path in stage.paths}
    assert next(unit for unit in units if unit.path == stages[-1].paths[0]).role is Role.HEAD


class Killed(Exception):
    pass


class KillingReporter(SilentReporter):
    def __init__(self, steps: int) -> None:
        self._left = steps

    def advance(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left == 0:
            raise Killed


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_that_was_killed_and_taken_up_writes_the_same_bytes(steps: int, tmp_path: Path) -> None:
    whole = refined(tiny_llama(), tmp_path / "whole")

    with pytest.raises(Killed):
        refined(tiny_llama(), tmp_path / "killed", KillingReporter(steps))
    (tmp_path / "killed" / ".model.layers.2.mlp.up_proj.safetensors.partial").write_bytes(b"half")
    resumed = refined(tiny_llama(), tmp_path / "killed")

    assert resumed == whole
    assert files_in(tmp_path / "killed") == files_in(tmp_path / "whole")


def test_what_is_in_the_store_is_not_coded_again(tmp_path: Path) -> None:
    first = refined(tiny_llama(), tmp_path)
    files = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}

    second = refined(tiny_llama(), tmp_path)

    assert second == first
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")} == files


def test_codes_of_another_plan_are_refused(tmp_path: Path) -> None:
    with CodeStore(tmp_path, IDENTITY):
        pass

    with pytest.raises(JournalForeign, match="plan is 'p' there and 'q' here"), other_store(tmp_path):
        pass


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with CodeStore(tmp_path, IDENTITY) as store, pytest.raises(JournalForeign, match="is missing"):
        store.load("model.layers.0.mlp.up_proj", affine(4))


@contextmanager
def other_store(folder: Path) -> Iterator[CodeStore]:
    with CodeStore(folder, {**IDENTITY, "plan": "q"}) as store:
        yield store
