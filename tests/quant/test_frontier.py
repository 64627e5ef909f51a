import dataclasses
import json
from pathlib import Path

import pytest

from optiq_quant.allocate import allocate
from optiq_quant.baselines import uniform, uniform_rest
from optiq_quant.budget import Limit, Quantity
from optiq_quant.formats import affine
from optiq_quant.frontier import Frontier, find_frontier
from optiq_quant.frontier_plot import draw_frontier
from optiq_quant.measurements import MeasuredAllocation
from tests.quant.small_checkpoint import small_measurements, small_units

_MEASURED = (
    MeasuredAllocation(
        name="by another name",
        part="report",
        formats=uniform_rest(small_units(), affine(4)),
        divergence=0.05,
        low=0.04,
        high=0.06,
    ),
    MeasuredAllocation(
        name="all affine 8", part="report", formats=uniform(small_units(), affine(8)), divergence=0.02
    ),
)


@pytest.fixture(name="frontier", scope="module")
def _frontier() -> Frontier:
    return find_frontier(small_measurements(_MEASURED), points=40)


def test_divergence_falls_with_the_size_down_to_the_source(frontier: Frontier) -> None:
    sizes = [point.bytes for point in frontier.points]
    divergences = [point.divergence for point in frontier.points]

    assert sizes == sorted(sizes)
    assert divergences == sorted(divergences, reverse=True)
    assert divergences[-1] == 0
    assert len(sizes) > 20


def test_a_point_is_what_the_allocation_of_its_size_gives(frontier: Frontier) -> None:
    measurements, point = small_measurements(), frontier.points[10]
    limit = Limit(quantity=Quantity.BYTES, most=point.bytes - measurements.remainder.bytes)

    found = allocate(measurements.choices, [limit])

    assert found.divergence == point.divergence
    assert found.bytes + measurements.remainder.bytes == point.bytes
    assert sum(point.formats.values()) == len(measurements.units)


def test_no_baseline_lies_below_the_frontier(frontier: Frontier) -> None:
    measurements = small_measurements()
    priced = [mark for mark in frontier.marks if mark.predicted is not None]

    for mark in priced:
        limit = Limit(quantity=Quantity.BYTES, most=mark.bytes - measurements.remainder.bytes)
        best = allocate(measurements.choices, [limit]).divergence
        assert mark.predicted is not None
        assert best <= mark.predicted + 1e-12

    assert len(priced) == 6


def test_what_was_measured_stands_beside_what_was_predicted(frontier: Frontier) -> None:
    marks = {mark.name: mark for mark in frontier.marks}

    known = marks["rest affine 4"]
    assert known.predicted is not None
    assert known.measured is not None
    assert known.measured.divergence == 0.05
    assert "by another name" not in marks
    assert marks["rest affine 5"].measured is None


def test_what_was_not_priced_has_a_measured_value_only(frontier: Frontier) -> None:
    marks = {mark.name: mark for mark in frontier.marks}

    assert marks["all affine 8"].predicted is None
    assert marks["all affine 8"].measured is not None
    assert marks["all affine 4"].predicted is None


def test_bits_per_weight_count_everything(frontier: Frontier) -> None:
    measurements = small_measurements()
    parameters = sum(each.unit.parameters for each in measurements.units) + measurements.remainder.parameters

    source = next(mark for mark in frontier.marks if mark.name == "source")

    assert source.bits_per_weight == 8 * source.bytes / parameters


def test_the_frontier_is_json(frontier: Frontier) -> None:
    told = json.loads(json.dumps(frontier.as_json(), allow_nan=False))

    assert len(told["points"]) == len(frontier.points)
    assert {mark["name"] for mark in told["marks"]} == {mark.name for mark in frontier.marks}


def test_a_frontier_has_two_points_at_least() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        find_frontier(small_measurements(), points=1)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_frontier_gives_the_same_picture(frontier: Frontier, tmp_path: Path, ending: str) -> None:
    one, other = tmp_path / f"one.{ending}", tmp_path / f"other.{ending}"

    draw_frontier(frontier, one)
    draw_frontier(frontier, other)

    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_size > 5_000


def test_the_picture_names_the_baselines(frontier: Frontier, tmp_path: Path) -> None:
    draw_frontier(frontier, tmp_path / "frontier.svg")

    drawn = (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    assert "rest affine 4" in drawn
    assert "all affine 8" in drawn
    assert "all affine 4" not in drawn.replace("all affine 8", "")


def test_a_picture_is_svg_or_png(frontier: Frontier, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
        draw_frontier(frontier, tmp_path / "frontier.gif")


def test_a_frontier_without_marks_is_drawn(frontier: Frontier, tmp_path: Path) -> None:
    draw_frontier(dataclasses.replace(frontier, marks=()), tmp_path / "bare.svg")

    assert "best allocation" in (tmp_path / "bare.svg").read_text(encoding="utf-8")
