"""Intervals against published and independently computed values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from optiq_server.evaluation.statistics import Estimate, Method, clustered, mean_of, wilson


@given(items=st.integers(1, 3000), data=st.data())
def test_wilson_is_the_score_interval_of_scipy(items: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, items))

    estimate = wilson(passed, items)

    expected = binomtest(passed, items).proportion_ci(0.95, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_wilson_gives_the_published_example() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I: 81 of 263, method 3.
    estimate = wilson(81, 263)

    assert (round(estimate.low, 4), round(estimate.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("passed", "items"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(passed: int, items: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(passed, items)


def test_few_clusters_are_strata_and_get_the_plain_interval() -> None:
    outcomes = [(number % 19, number % 3 == 0) for number in range(190)]

    assert clustered(outcomes) == wilson(64, 190)


def test_items_that_are_their_own_clusters_get_the_plain_interval() -> None:
    outcomes = [(number, number % 3 == 0) for number in range(190)]

    assert clustered(outcomes).method is Method.WILSON


def test_clusters_that_agree_inside_count_as_one_item_each() -> None:
    # All ten items of a cluster have one outcome: the sample is worth its clusters, up to G / (G - 1).
    outcomes = [(cluster, cluster % 2 == 0) for cluster in range(40) for _ in range(10)]

    estimate = clustered(outcomes)

    alone = wilson(20, 40)
    assert estimate.method is Method.CLUSTERED
    assert estimate.items == 400
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(alone.low, abs=0.003)
    assert estimate.low < alone.low


def test_a_clustered_interval_is_never_narrower_than_that_of_independent_items() -> None:
    outcomes = [(number % 20, number // 20 % 2 == 0) for number in range(200)]

    assert clustered(outcomes).low == pytest.approx(wilson(100, 200).low)


def test_the_mean_of_one_estimate_is_that_estimate() -> None:
    estimate = wilson(30, 70)

    mean = mean_of([estimate])

    assert (mean.value, mean.low, mean.high) == pytest.approx((estimate.value, estimate.low, estimate.high))


def test_the_mean_of_equal_suites_is_surer_by_the_root_of_their_number() -> None:
    estimate = Estimate(value=0.5, low=0.4, high=0.7, items=90, method=Method.WILSON)

    mean = mean_of([estimate] * 4)

    assert (mean.value, mean.low, mean.high, mean.items) == pytest.approx((0.5, 0.45, 0.6, 360))


def test_the_mean_of_no_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match="no estimate"):
        mean_of([])


def test_the_interval_of_the_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    truths, sizes = (0.97, 0.5, 0.8), (30, 80, 200)
    passed = np.random.default_rng(1).binomial(sizes, truths, size=(2000, 3))

    covered = 0
    for row in passed.tolist():
        mean = mean_of([wilson(right, of) for right, of in zip(row, sizes, strict=True)])
        covered += mean.low <= sum(truths) / 3 <= mean.high

    assert 0.935 < covered / 2000 < 0.975
