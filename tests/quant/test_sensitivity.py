"""Few measurements, predictions that are checked, and sums that are compared."""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.nn.layers.base import Module
from mlx.nn.layers.linear import Linear

from optiq_quant.formats import Format, Mode, affine, microscaled
from optiq_quant.journal import Journal
from optiq_quant.modules import unit_modules, weight_of
from optiq_quant.offering import make_offers
from optiq_quant.progress import SilentReporter
from optiq_quant.sensitivity import (
    Combination,
    Offer,
    Sensitivities,
    SensitivityOptions,
    Spread,
    measure_sensitivities,
)
from optiq_quant.sensitivity_report import sensitivity_evidence, sensitivity_table, sum_ratio
from optiq_quant.statistics import InputStatistics
from optiq_quant.trials import coded_module, replaced, weight_slabs
from optiq_quant.weighted_error import weighted_errors
from tests.quant.measurers import BASE, PROMPTS, measurer_of, nearest
from tests.quant.tiny_models import tiny_gpt_oss, tiny_llama, units_of

pytestmark = pytest.mark.mlx

_FORMS = tuple(affine(bits, 32) for bits in (3, 4, 5, 6, 8))
_OPTIONS = SensitivityOptions(checks=20, combinations=2)


def _run(journal: Journal, options: SensitivityOptions = _OPTIONS) -> tuple[Sensitivities, float]:
    model = tiny_llama(tied=False)
    measurer, layerwise = measurer_of(model, journal)
    forms = dict.fromkeys(units_of(model), _FORMS)
    offers = make_offers(
        layerwise, forms, PROMPTS, encode=nearest, journal=journal, reporter=SilentReporter()
    )
    return measure_sensitivities(measurer, offers, options), layerwise.count.forwards


@pytest.fixture(name="found", scope="module")
def _found() -> Sensitivities:
    return _run(Journal(None, {}))[0]


def test_every_format_offered_has_a_divergence_and_each_base_was_measured(found: Sensitivities) -> None:
    units = units_of(tiny_llama(tied=False))

    assert found.divergences.keys() == {unit.path for unit in units}
    assert all(tuple(forms) == _FORMS for forms in found.divergences.values())
    assert all(BASE in forms for forms in found.measured.values())
    assert all(value >= 0 for forms in found.divergences.values() for value in forms.values())


def test_predictions_order_the_checked_pairs_as_measuring_does(found: Sensitivities) -> None:
    assert len(found.checks) == 20
    assert found.correlation >= 0.95
    assert found.typical_error < 1.5


def test_far_fewer_passes_are_run_than_for_every_format(found: Sensitivities) -> None:
    assert found.exhaustive == len(units_of(tiny_llama(tied=False))) * len(_FORMS) * len(PROMPTS)
    assert found.forwards < found.exhaustive / 3


def test_sets_of_units_are_compared_with_their_sums(found: Sensitivities) -> None:
    spreads = [combination.spread for combination in found.combinations]

    assert sorted(spreads) == [Spread.ACROSS] * 2 + [Spread.ONE_LAYER] * 2
    for combination in found.combinations:
        assert combination.summed == pytest.approx(
            sum(found.divergences[path][BASE] for path in combination.paths)
        )
        assert 0.3 < combination.measured / combination.summed < 3


def test_a_resumed_run_has_the_same_result_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, {}) as journal:
        first, _ = _run(journal)

    with Journal(path, {}) as journal:
        again, forwards = _run(journal)

    assert again == first
    assert forwards == 0


def test_while_the_order_is_wrong_more_formats_are_measured_and_no_more_than_allowed() -> None:
    strict = SensitivityOptions(checks=6, least_correlation=1.1, rounds=2, combinations=0)

    found, _ = _run(Journal(None, {}), strict)

    assert all(len(forms) >= 2 for forms in found.measured.values())
    assert sum(map(len, found.measured.values())) <= 2 * len(found.measured) + 2 * 6


def test_an_offer_names_a_base_that_it_has() -> None:
    [unit, *_] = units_of(tiny_gpt_oss())

    assert Offer(unit=unit, errors=dict.fromkeys(_FORMS, 1.0)).base == BASE
    assert Offer(unit=unit, errors={microscaled(Mode.MXFP8): 1.0}).base == microscaled(Mode.MXFP8)
    with pytest.raises(ValueError, match="no format is offered"):
        Offer(unit=unit, errors={})


def _error(model: Module, path: str, form: Format) -> mx.array:
    weight = weight_of(unit_modules(model)[path])
    return nearest(path, weight, form).decoded(mx.float32) - weight


def test_errors_are_weighed_by_what_the_unit_was_given() -> None:
    model = tiny_gpt_oss()
    path, experts = "model.layers.0.self_attn.q_proj", "model.layers.0.mlp.experts.up_proj"
    squares = mx.arange(32).astype(mx.float32)
    counts = mx.array([6, 2, 0, 0])
    modules = unit_modules(model)

    plain = weighted_errors(modules[path], path, [BASE], None, nearest)
    weighed = weighted_errors(
        modules[path], path, [BASE], InputStatistics(count=8, mean_square=squares), nearest
    )
    routed = weighted_errors(
        modules[experts],
        experts,
        [BASE],
        InputStatistics(count=8, mean_square=mx.ones((4, 32)), expert_counts=counts),
        nearest,
    )

    error = mx.square(_error(model, path, BASE))
    assert plain[BASE] == pytest.approx(float(error.sum()), rel=1e-5)
    assert weighed[BASE] == pytest.approx(float((error * squares).sum()), rel=1e-5)
    each = mx.square(_error(model, experts, BASE)).sum(axis=(1, 2))
    assert routed[BASE] == pytest.approx(float(0.75 * each[0] + 0.25 * each[1]), rel=1e-5)


def test_an_embeddings_errors_are_weighed_by_row() -> None:
    model = tiny_gpt_oss()
    path = "model.embed_tokens"
    reads = mx.zeros(64).at[3].add(1.0)

    found = weighted_errors(
        unit_modules(model)[path],
        path,
        [BASE],
        InputStatistics(count=1, mean_square=reads, weighs_rows=True),
        nearest,
    )

    assert found[BASE] == pytest.approx(float(mx.square(_error(model, path, BASE))[3].sum()), rel=1e-5)


def test_the_report_tells_how_good_the_predictions_and_sums_are(found: Sensitivities) -> None:
    figures = {row[0]: row[1] for row in sensitivity_table(found).rows}
    evidence = sensitivity_evidence(found)

    assert figures["rank correlation of predicted and measured"] == f"{found.correlation:.4f}"
    assert figures["pairs of unit and format"] == str(len(units_of(tiny_llama(tied=False))) * len(_FORMS))
    assert json.loads(json.dumps(evidence)) == evidence
    assert len(evidence["checks"]) == 20


def test_sums_are_judged_by_the_geometric_mean_of_their_ratios() -> None:
    combinations = [
        Combination(spread=Spread.ACROSS, paths=("a",), measured=measured, summed=1.0)
        for measured in (2.0, 0.5, 4.0, 0.25)
    ]

    assert sum_ratio(combinations, Spread.ACROSS) == pytest.approx(1)
    assert sum_ratio(combinations, Spread.ONE_LAYER) is None


def test_a_trial_too_large_to_be_decoded_computes_the_same_coded() -> None:
    model = tiny_gpt_oss()
    prompt = mx.array([PROMPTS[0]])
    logits = []
    for decoded in (True, False):
        modules = {
            path: coded_module(module, path, BASE, nearest, decoded=decoded)
            for path, module in unit_modules(model).items()
        }
        with replaced(model, modules):
            logits.append(model(prompt))

    assert mx.allclose(logits[0], logits[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("path", ["lm_head", "model.layers.0.mlp.experts.up_proj"])
def test_slabs_of_some_rows_are_these_rows_of_the_weights(path: str) -> None:
    module = unit_modules(tiny_gpt_oss())[path]
    rows = mx.array([1, 5, 30])

    slabs = mx.concatenate(list(weight_slabs(module, rows)))

    assert mx.array_equal(slabs, weight_of(module)[..., rows, :])


def test_a_part_of_a_large_units_outputs_tells_nearly_the_error_of_all() -> None:
    large = Linear(4096, 4096, bias=False)

    found = weighted_errors(large, "large", [BASE, affine(8, 32)], None, nearest)

    for form, error in found.items():
        difference = np.array(nearest("large", large.weight, form).decoded() - large.weight, np.float64)
        assert error == pytest.approx(np.square(difference).sum(), rel=3e-3)


def test_two_formats_of_each_unit_are_measured_where_that_is_asked_for() -> None:
    found, _ = _run(Journal(None, {}), SensitivityOptions(checks=0, combinations=0, least_rounds=2))

    assert all(len(forms) == 2 and BASE in forms for forms in found.measured.values())
    assert found.checks == ()


@pytest.mark.parametrize(("units", "checks", "combinations"), [(2, 6, 1), (22, 14, 2), (122, 24, 4)])
def test_checking_costs_less_than_measuring(units: int, checks: int, combinations: int) -> None:
    options = SensitivityOptions()

    assert (options.checks_of(units), options.combinations_of(units)) == (checks, combinations)


def test_options_that_make_no_sense_are_refused() -> None:
    for wrong in ({"rounds": 0}, {"least_rounds": 4}, {"checks": -1}):
        with pytest.raises(ValueError, match=r"rounds|negative"):
            SensitivityOptions(**wrong)
    measurer, _ = measurer_of(tiny_llama(), Journal(None, {}))
    with pytest.raises(ValueError, match="no unit"):
        measure_sensitivities(measurer, [], _OPTIONS)
