"""Two runs, item by item."""

import pytest

from optiq_server.evaluation.comparison import compare
from optiq_server.evaluation.errors import ForeignRun
from tests.evaluation.results import result_of, right


def test_items_are_paired_by_their_id_and_the_others_are_counted() -> None:
    first = result_of({**right(0, 1, 2), 3: "no", 9: "no"}, model="a")
    second = result_of({2: "no", **right(1, 3), 0: None, 20: "no", 21: "no"}, model="b")

    found = compare([first], [second])

    assert (found.first, found.second) == ("a", "b")
    # Of 0 to 3 only 1 is right in both: the second lost 0 (no answer) and 2, and won 3.
    assert (found.suites["sums"].only_first, found.suites["sums"].only_second) == (2, 1)
    assert found.suites["sums"].items == 4
    assert found.unpaired == {"sums": 3}


def test_a_suite_of_one_run_alone_is_left_out() -> None:
    common = result_of(right(0, 1))

    found = compare([common, result_of(right(0), name="more")], [common])

    assert list(found.suites) == ["sums"]
    assert found.left_out == ["more"]
    assert found.mean.value == 0.0


def test_runs_of_other_questions_are_refused() -> None:
    with pytest.raises(ForeignRun, match="asked other questions"):
        compare([result_of(right(0))], [result_of(right(0), count=31)])


def test_runs_without_a_common_item_are_refused() -> None:
    with pytest.raises(ForeignRun, match="no item in common"):
        compare([result_of(right(0))], [result_of(right(1))])
