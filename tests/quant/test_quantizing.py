"""All of `optiq quantize` on two layers of a gpt_oss: what is chosen, measured and written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlx.nn.layers.base import Module

from optiq_quant.budget import Budget, budget_of, counts_as_allocated
from optiq_quant.candidates import Candidates, Experts, formats_of
from optiq_quant.errors import BudgetTooSmall, PlanRejected
from optiq_quant.evidence import Evidence
from optiq_quant.measurements import measurements_of_json
from optiq_quant.plan import Coding
from optiq_quant.progress import SilentReporter
from optiq_quant.quantizing import Order, Prepared, prepare, write
from optiq_quant.replay import carry_out
from optiq_quant.verify import verify_files
from optiq_quant.written import read_plan
from optiq_server.engine.loader import load_lazily
from tests.quant.checkpoints import contents
from tests.quant.small_orders import bits, small_host, small_order, text_file, two_layers

pytestmark = pytest.mark.mlx

_ALL_WAYS = (Coding.NEAREST, Coding.FITTED, Coding.COMPENSATED)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its formats are priced by whichever test is first."""
    folder = tmp_path_factory.mktemp("quantizing")
    two_layers(folder / "source")
    text_file(folder)
    return folder


def _prepare(order: Order) -> Prepared:
    return prepare(order, small_host(), SilentReporter())


def _write(prepared: Prepared, out: Path, *, reports: bool = True) -> Evidence | None:
    return write(prepared, out, small_host(), SilentReporter(), reports=reports)


@pytest.mark.parametrize(
    "budget",
    [
        budget_of(size=190_000),
        budget_of(bpw=6.2),
        budget_of(allocated_bpw=5.03),
        budget_of(bpw=9, decode_bytes=120_000),
    ],
)
def test_a_plan_is_never_over_budget_and_uses_what_there_is(folder: Path, budget: Budget) -> None:
    prepared = _prepare(small_order(folder, budget=budget))

    inventory, formats = prepared.survey.inventory, prepared.plan.formats()
    linears = [unit for unit in inventory.units if counts_as_allocated(unit)]
    nominal = sum(unit.parameters * formats[unit.path].bits for unit in linears)
    used = {
        "size": inventory.total_bytes(formats) / budget.amount,
        "bpw": 8 * inventory.total_bytes(formats) / inventory.parameters / budget.amount,
        "allocated-bpw": nominal / sum(unit.parameters for unit in linears) / budget.amount,
    }[budget.kind]
    if budget.decode_bytes is None:
        assert 0.9 < used <= 1
    else:
        assert used <= 1
        assert 0.9 < inventory.decode_bytes(formats) / budget.decode_bytes <= 1


def test_a_budget_that_cannot_be_kept_is_refused_before_the_model_is_loaded(folder: Path) -> None:
    def load(_folder: Path) -> Module:
        raise AssertionError("it was loaded")

    with pytest.raises(BudgetTooSmall, match="bits per weight"):
        prepare(small_order(folder, budget=bits(2)), small_host(load), SilentReporter())


def test_another_budget_measures_no_format_again(folder: Path) -> None:
    _prepare(small_order(folder, swaps=0))

    prepared = _prepare(small_order(folder, budget=bits(8), swaps=0))

    assert prepared.cost() == {"forwards": 0, "token_forwards": 0, "seconds": 0}


def test_the_same_order_measures_nothing_again_and_gives_the_same_plan(folder: Path) -> None:
    first = _prepare(small_order(folder))

    again = _prepare(small_order(folder))

    assert again.count.forwards == 0
    assert again.plan.to_json() == first.plan.to_json()
    assert again.measurements.to_json() == first.measurements.to_json()


def test_prices_of_less_text_are_no_prices_of_more(folder: Path) -> None:
    less = _prepare(small_order(folder, pricing_tokens=12, swaps=0))

    more = _prepare(small_order(folder, pricing_tokens=24, swaps=0))

    again = _prepare(small_order(folder, pricing_tokens=12, swaps=0))
    assert less.measurements.calibration["priced_on_tokens"] == 12
    assert more.measurements.calibration["priced_on_tokens"] == 24
    assert again.count.forwards == 0
    assert again.measurements == less.measurements != more.measurements


def test_what_is_written_verifies_and_tells_what_was_measured_on_it(folder: Path, tmp_path: Path) -> None:
    prepared = _prepare(small_order(folder, ways=_ALL_WAYS))
    out = tmp_path / "out"

    evidence = _write(prepared, out)

    checks = verify_files(out, load_lazily=load_lazily, source=folder / "source")
    assert {check.outcome.value for check in checks} == {"passed"}
    assert read_plan(out / "optiq.json") == prepared.plan
    assert {unit.coding for unit in prepared.plan.units} > {Coding.KEPT}
    told = (out / "measurements.json").read_text()
    assert measurements_of_json(told) == prepared.measurements
    assert evidence is not None
    card = (out / "README.md").read_text()
    assert f"| mean | {evidence.summary.mean:.4f} (95 % interval" in card
    assert "| 2 prompts, 24 tokens; letters.txt |" in card
    assert str(folder) not in card + told + (out / "optiq.json").read_text()
    for baseline in prepared.measurements.allocations:
        assert f"| {baseline.name} |" in card


def test_the_plan_tells_how_it_came_about(folder: Path) -> None:
    evidence = _prepare(small_order(folder, ways=_ALL_WAYS)).plan.evidence

    assert evidence["measured"]["sensitivities"]["forwards"] > 0
    assert evidence["chosen"]["proven_best"] is True
    assert evidence["chosen"]["swaps"]["divergence"] <= evidence["chosen"]["swaps"]["start"]
    assert [stage["stage"] for stage in evidence["coded"]][-1] in ("layer 1", "head")
    json.dumps(evidence, allow_nan=False)


def test_a_plan_that_keeps_everything_has_no_divergence_at_all(folder: Path, tmp_path: Path) -> None:
    prepared = _prepare(small_order(folder, budget=bits(16), ways=_ALL_WAYS))

    evidence = _write(prepared, tmp_path / "out")

    assert {unit.coding for unit in prepared.plan.units} == {Coding.KEPT}
    assert evidence is not None
    summary = evidence.summary
    assert summary.mean == summary.p999 == summary.flips == summary.high == 0
    assert summary.reference_perplexity == summary.candidate_perplexity
    assert next(each.divergence for each in evidence.baselines if each.name == "source") == 0


def test_without_a_choice_nothing_is_measured_of_units(folder: Path) -> None:
    prepared = _prepare(small_order(folder, candidates=Candidates(formats=()), budget=bits(16)))

    assert prepared.sensitivities is None
    assert [table.caption for table in prepared.tables()] == ["Computed in this run"]


def test_native_experts_are_priced_only_where_that_is_asked_for(folder: Path) -> None:
    formats = formats_of(["affine2g64"])

    kept = _prepare(small_order(folder, candidates=Candidates(formats=formats), budget=bits(6)))
    measured = _prepare(
        small_order(
            folder, candidates=Candidates(formats=formats, experts=Experts.MEASURE), budget=bits(4), swaps=0
        )
    )

    def experts(prepared: Prepared) -> set[str]:
        units = [unit for unit in prepared.survey.inventory.units if unit.role.is_expert]
        return {prepared.plan.formats()[unit.path].name for unit in units}

    assert experts(kept) == {"mxfp4"}
    assert "affine2g64" in experts(measured)


def test_a_plan_of_nearest_codes_is_carried_out_again_with_the_same_files(
    folder: Path, tmp_path: Path
) -> None:
    first, again = tmp_path / "first" / "out", tmp_path / "again" / "out"
    _write(_prepare(small_order(folder)), first, reports=False)

    plan = read_plan(first / "optiq.json")
    size = carry_out(plan, folder / "source", again, small_host(), SilentReporter())

    written = contents(first)
    del written["measurements.json"]
    assert contents(again) == written
    assert size == sum(path.stat().st_size for path in again.glob("*.safetensors"))


def test_a_plan_without_an_out_folder_is_only_weighed(folder: Path) -> None:
    plan = _prepare(small_order(folder)).plan
    before = contents(folder / "source")

    size = carry_out(plan, folder / "source", None, small_host(), SilentReporter())

    assert 0 < size < len(before["model.safetensors"])
    assert contents(folder / "source") == before


def test_plans_that_cannot_be_carried_out_are_refused(folder: Path, tmp_path: Path) -> None:
    plan = _prepare(small_order(folder)).plan
    coded = next(unit for unit in plan.units if unit.coding is Coding.NEAREST)
    searched = [replace(unit, coding=Coding.FITTED) if unit == coded else unit for unit in plan.units]
    refused = [(replace(plan, source="sha256:other"), "another checkpoint")]
    refused += [(replace(plan, units=tuple(searched)), f"{coded.path} is coded by what was seen on a text")]

    for each, problem in refused:
        with pytest.raises(PlanRejected, match=problem):
            carry_out(each, folder / "source", tmp_path / "out", small_host(), SilentReporter())

    assert not (tmp_path / "out").exists()
