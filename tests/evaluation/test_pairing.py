"""Two models on the same items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from optiq_server.evaluation.pairing import Pair, difference, mcnemar_exact, mean_difference


def _pairs(both: int, only_first: int, only_second: int, neither: int) -> list[Pair]:
    outcomes = [
        *[(True, True)] * both,
        *[(True, False)] * only_first,
        *[(False, True)] * only_second,
        *[(False, False)] * neither,
    ]
    return [Pair(cluster=str(number), first=a, second=b) for number, (a, b) in enumerate(outcomes)]


@given(only_first=st.integers(0, 400), only_second=st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test_of_scipy(only_first: int, only_second: int) -> None:
    differing = only_first + only_second
    expected = binomtest(only_first, differing).pvalue if differing else 1.0

    assert mcnemar_exact(only_first, only_second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_survives_thousands_of_differing_items() -> None:
    assert mcnemar_exact(3000, 3000) == 1.0
    assert 0.0 <= mcnemar_exact(0, 5000) < 1e-300


def test_a_difference_is_second_minus_first_with_an_interval_around_it() -> None:
    found = difference(_pairs(100, 10, 30, 60), seed=0)

    assert found.value == pytest.approx(0.1)
    # The normal approximation: 0.1 +- 1.96 * sqrt((40 - 20 ** 2 / 200) / 200 ** 2).
    assert (found.low, found.high) == pytest.approx((0.0396, 0.1604), abs=0.006)
    assert (found.only_first, found.only_second) == (10, 30)
    assert found.p_value == pytest.approx(mcnemar_exact(10, 30))


def test_the_same_seed_gives_the_same_interval() -> None:
    suites = {"one": _pairs(51, 9, 14, 27), "other": _pairs(2, 7, 4, 4)}

    assert mean_difference(suites, seed=3) == mean_difference(suites, seed=3)
    assert mean_difference(suites, seed=3) != mean_difference(suites, seed=4)


def test_equal_answers_differ_by_exactly_nothing() -> None:
    found = difference(_pairs(40, 0, 0, 10), seed=0)

    assert (found.value, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_whole_clusters_are_drawn_where_there_are_enough() -> None:
    pairs = [
        Pair(cluster=str(cluster), first=False, second=cluster % 2 == 0)
        for cluster in range(40)
        for _ in range(10)
    ]
    alone = [Pair(cluster=str(n), first=p.first, second=p.second) for n, p in enumerate(pairs)]

    by_cluster, by_item = difference(pairs, seed=0), difference(alone, seed=0)

    assert by_cluster.high - by_cluster.low > 2.5 * (by_item.high - by_item.low)


def test_each_suite_weighs_the_same_in_the_mean() -> None:
    suites = {"large": _pairs(900, 0, 0, 100), "small": _pairs(0, 0, 10, 0)}

    found = mean_difference(suites, seed=0)

    assert found.value == pytest.approx(0.5)
    assert found.items == 1010
    assert found.p_value is None


def test_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="no item"):
        difference([], seed=0)
    with pytest.raises(ValueError, match="no suite"):
        mean_difference({}, seed=0)
