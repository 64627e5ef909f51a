import json
from typing import Any

import pytest

from optiq_quant.baselines import keep_source, uniform_rest
from optiq_quant.errors import MeasurementsUnusable
from optiq_quant.formats import affine
from optiq_quant.measurements import (
    Evidence,
    MeasuredAllocation,
    Measurements,
    UnitCosts,
    measurements_of_json,
)
from tests.quant.small_checkpoint import small_measurements, small_units

_MEASURED = MeasuredAllocation(
    name="rest affine 4",
    part="report",
    formats=uniform_rest(small_units(), affine(4)),
    divergence=0.05,
    low=0.04,
    high=0.06,
)


def test_measurements_survive_json() -> None:
    measurements = small_measurements((_MEASURED,))

    assert measurements_of_json(measurements.to_json()) == measurements


def test_the_same_measurements_give_the_same_text() -> None:
    assert small_measurements((_MEASURED,)).to_json() == small_measurements((_MEASURED,)).to_json()


def test_the_choices_are_the_units_in_their_order() -> None:
    measurements = small_measurements()

    assert [each.path for each in measurements.choices] == [unit.path for unit in small_units()]
    assert measurements.choices[0].options == measurements.units[0].options


def test_an_option_is_found_by_its_format() -> None:
    costs = small_measurements().units[1]

    found = costs.option(affine(4))

    assert found is not None
    assert found.bytes == costs.unit.bytes(affine(4))
    assert costs.option(affine(2)) is None


def test_a_unit_has_options_of_different_formats_each_with_evidence() -> None:
    costs = small_measurements().units[1]

    with pytest.raises(ValueError, match="head: needs options of different formats"):
        UnitCosts(unit=costs.unit, options=costs.options[:2], evidence=(Evidence.MEASURED,))
    with pytest.raises(ValueError, match="head: needs options of different formats"):
        UnitCosts(unit=costs.unit, options=costs.options[:1] * 2, evidence=(Evidence.MEASURED,) * 2)


def test_a_unit_stands_in_it_once() -> None:
    measurements = small_measurements()

    with pytest.raises(ValueError, match="twice"):
        Measurements(
            source="s", units=(*measurements.units, measurements.units[0]), remainder=measurements.remainder
        )


def test_a_measured_allocation_has_all_units() -> None:
    formats = dict(keep_source(small_units()))
    del formats["head"]

    with pytest.raises(ValueError, match="'partial' has other units"):
        small_measurements(
            (MeasuredAllocation(name="partial", part="select", formats=formats, divergence=1),)
        )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 99}, "version"),
        ({"units": 3}, "cannot be read"),
        ({"units": [{"path": "a"}]}, "no 'read'"),
        ({"remainder": {"weight": 3}}, "cannot be read"),
        ({"calibration": None}, "cannot be read"),
    ],
)
def test_a_document_that_is_none_is_refused(change: dict[str, Any], told: str) -> None:
    document = {**json.loads(small_measurements().to_json()), **change}

    with pytest.raises(MeasurementsUnusable, match=told):
        measurements_of_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}'])
def test_text_that_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(MeasurementsUnusable):
        measurements_of_json(text)
